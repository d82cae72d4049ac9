//! Several processes on one PostgreSQL share the work.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Builder, Database, Scene, wait};

const PATIENCE: Duration = Duration::from_secs(60);

async fn two() -> (Scene, testkit::Arcus, Database) {
    let database = Database::postgres().await;
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).database(database.clone());
    let scene = Scene::set(builder).await;
    let other = scene.arcus.replica().await;
    (scene, other, database)
}

#[tokio::test]
async fn two_replicas_share_the_work_and_neither_repeats_the_others() {
    let (scene, other, _) = two().await;
    scene.arcus.faults(&["latency_ms=50", "boot_ms=100"]);
    // Asked of both at once, so that both have news of work.
    let at_other = scene.owner.at(other.base());
    let wanted =
        |name: &str| scene.wanted(name, &json!([{"name": "n", "size": "eos1", "count": 90}]));
    let (first, second) = (wanted("first"), wanted("second"));
    let (first, second) = tokio::join!(
        scene.owner.post("/environments?wait=60", &first),
        at_other.post("/environments?wait=60", &second),
    );
    first.ok();
    second.ok();
    let records = scene.arcus.ledger().await.read().await;
    records.assert_whole();
    assert_eq!(records.summary()["create_server succeeded"], 180);
    assert!(records.operations.iter().all(|done| done.attempt == 1));
    assert_eq!(scene.arcus.instances().len(), 180);
    let done = "arcus_operations_total";
    let (here, there) = (
        scene.arcus.metric(done, &["succeeded"]).await,
        other.metric(done, &["succeeded"]).await,
    );
    assert!(here > 0.0 && there > 0.0, "{here} and {there}");
    assert!((here + there - 180.0).abs() < 0.5, "{here} and {there}");
}

#[tokio::test]
async fn what_one_replica_accepted_the_other_answers_for_at_once() {
    let (scene, other, _) = two().await;
    let id = scene
        .environment("shared", &json!([{"name": "n", "size": "eos1"}]))
        .await;
    let at_other = scene.owner.at(other.base());
    let seen = at_other.get("/environments").await.ok();
    assert_eq!(seen[0]["id"], id.as_str());
    assert_eq!(seen[0]["ready"], true);
    let stopped = at_other.get(&format!("/environments/{id}/stop")).await.ok();
    assert_eq!(stopped["success"], true);
    scene
        .until(&id, "the first to show it stopped", |environment| {
            environment["status"] == "stopped"
        })
        .await;
}

#[tokio::test]
async fn work_is_found_when_nobody_tells_of_it() {
    let (scene, other, database) = two().await;
    // Every few moments the connections are cut on which the replicas hear of news.
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let at_other = scene.owner.at(other.base());
    for number in 0..4 {
        database.run(cut).await;
        let body = scene.wanted(
            &format!("e{number}"),
            &json!([{"name": "n", "size": "eos1"}]),
        );
        at_other.post("/environments?wait=60", &body).await.ok();
    }
    assert_eq!(scene.arcus.instances().len(), 4);
}

#[tokio::test]
async fn the_other_replica_goes_on_when_one_is_killed() {
    let database = Database::postgres().await;
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .database(database)
        .variable("ARCUS_LEASE_SECS", "0.6");
    let mut scene = Scene::set(builder).await;
    let other = scene.arcus.replica().await;
    scene.arcus.faults(&["latency_ms=100", "boot_ms=300"]);
    let body = scene.wanted("left", &json!([{"name": "n", "size": "eos1", "count": 40}]));
    let path = "/environments?wait=0";
    let answer: Value = scene.owner.post(path, &body).await.expect(202);
    let id = answer["environment"].as_str().expect("an id").to_owned();
    wait::until("creates to be on their way", PATIENCE, || async {
        (other.calls("create") > 3).then_some(())
    })
    .await;
    scene.arcus.kill();
    let at_other = scene.owner.at(other.base());
    wait::until("the other to finish it", PATIENCE, || async {
        let all = at_other.get("/environments").await.ok();
        (all[0]["ready"] == true && all[0]["id"] == id.as_str()).then_some(())
    })
    .await;
    assert_eq!(other.instances().len(), 40);
}
