//! Traffic is counted once, whoever reads it, and what a server's counters forget at a switch was read before.

use std::time::Duration;

use serde_json::json;
use testkit::{Builder, Database, Scene, TrafficRecord, on_both_databases, wait};

on_both_databases! {
    what_went_through_before_a_stop_is_there_after_the_next_start,
    what_went_through_while_a_cloud_was_away_is_counted_once_it_is_back,
}

const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of the traffic of the one server.
async fn traffic(scene: &Scene) -> TrafficRecord {
    scene.arcus.ledger().await.traffic().await[0]
}

async fn switched(scene: &Scene, id: &str, how: &str) {
    let path = format!("/environments/{id}/{how}");
    assert_eq!(scene.owner.get(&path).await.ok()["success"], true);
}

fn sum(one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
    (one.0 + other.0, one.1 + other.1)
}

async fn what_went_through_before_a_stop_is_there_after_the_next_start(builder: Builder) {
    // Nothing but the stops themselves reads what this server has counted.
    let scene = Scene::set(builder.flag("--sample-secs=3600")).await;
    let nodes = json!([{"name": "n", "size": "eos1"}]);
    let id = scene.environment("metered", &nodes).await;
    switched(&scene, &id, "stop").await;
    let first = traffic(&scene).await;
    assert!(first.counted.0 > 0 && first.counted.1 > 0, "{first:?}");
    assert_eq!(first.by_five_minutes, first.counted);
    assert_eq!(first.by_hour, first.counted);

    switched(&scene, &id, "start").await;
    switched(&scene, &id, "stop").await;
    let second = traffic(&scene).await;
    let both = sum(first.counted, second.counted);
    assert!(both > first.counted, "{second:?}");
    assert_eq!(second.by_five_minutes, both);
    assert_eq!(second.by_hour, both);
}

#[tokio::test]
async fn what_two_replicas_read_at_once_is_counted_once() {
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .database(Database::postgres().await)
        .flag("--sample-secs=0.1");
    let scene = Scene::set(builder).await;
    let _other = scene.arcus.replica().await;
    let nodes = json!([{"name": "n", "size": "eos1", "count": 20}]);
    scene.environment("metered", &nodes).await;
    let calls = || scene.arcus.calls("traffic");
    let enough = calls() + 400;
    wait::until("both to read often", PATIENCE, || async {
        (calls() > enough).then_some(())
    })
    .await;
    let records = scene.arcus.ledger().await.traffic().await;
    assert_eq!(records.len(), 20);
    for record in records {
        assert!(record.counted.0 > 0, "{record:?}");
        assert_eq!(record.by_five_minutes, record.counted);
        assert_eq!(record.by_hour, record.counted);
    }
}

async fn what_went_through_while_a_cloud_was_away_is_counted_once_it_is_back(builder: Builder) {
    let scene = Scene::set(builder.flag("--sample-secs=0.1")).await;
    let nodes = json!([{"name": "n", "size": "eos1"}]);
    scene.environment("metered", &nodes).await;
    scene.arcus.faults(&["unavailable=1"]);
    let tries = || scene.arcus.calls("traffic");
    let enough = tries() + 5;
    wait::until("it to be tried for nothing", PATIENCE, || async {
        (tries() > enough).then_some(())
    })
    .await;
    let before = traffic(&scene).await;
    scene.arcus.faults(&["unavailable=0"]);
    let after = wait::until("it to be read again", PATIENCE, || async {
        Some(traffic(&scene).await).filter(|now| now.counted > before.counted)
    })
    .await;
    assert_eq!(after.by_five_minutes, after.counted);
    assert_eq!(after.by_hour, after.counted);
}
