//! Several processes on one PostgreSQL share the work.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, Database, Scene, wait};

const PATIENCE: Duration = Duration::from_secs(60);

/// Servers of one environment that two replicas share; one replica takes 128 operations of an organisation at a time.
const SHARED: usize = 270;

/// Queues what the API queues to stop every server, and lets no replica know.
const STOP_UNHEARD: &str = "
    WITH queued AS (
        INSERT INTO operations (kind, server_id, organisation_id, actor, facade, lane, input, input_version, status,
            step, percent, attempt, not_before, fence, cancel_requested, output, created_at)
        SELECT 'stop_server', server_id, organisation_id, actor, facade, lane, input, input_version, 'queued',
            '', 0, 0, finished_at, 0, FALSE, '{}', finished_at
        FROM operations WHERE kind = 'create_server' AND status = 'succeeded'
        RETURNING id, created_at
    )
    INSERT INTO operation_events (operation_id, seq, at, step, percent, message)
    SELECT id, 1, created_at, 'queued', 0, 'queued' FROM queued;
    UPDATE servers SET desired = 'stopped'";

async fn two(builder: Builder) -> (Scene, testkit::Arcus, Database) {
    let database = Database::postgres().await;
    let scene = Scene::set(builder.database(database.clone())).await;
    let other = scene.arcus.replica().await;
    (scene, other, database)
}

#[tokio::test]
async fn two_replicas_share_the_work_and_neither_repeats_the_others() {
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).flag("--max-nodes=300");
    let (scene, other, _) = two(builder).await;
    scene.arcus.faults(&["latency_ms=200", "boot_ms=500"]);
    // Asked of one alone, and more than twice of what one takes at a time from one organisation.
    let nodes = json!([{"name": "n", "size": "eos1", "count": SHARED}]);
    let wanted = scene.wanted("shared", &nodes);
    let path = "/environments?wait=120";
    scene.owner.post(path, &wanted).await.ok();
    let records = scene.arcus.ledger().await.read().await;
    records.assert_whole();
    assert_eq!(records.summary()["create_server succeeded"], SHARED);
    assert!(records.operations.iter().all(|done| done.attempt == 1));
    assert_eq!(scene.arcus.instances().len(), SHARED);
    let done = "arcus_operations_total";
    let (here, there) = (
        scene.arcus.metric(done, &["succeeded"]).await,
        other.metric(done, &["succeeded"]).await,
    );
    let shares = format!("{here} where it was asked, {there} at the other");
    assert!(here > 0.0 && there > 0.0, "{shares}");
    let all = f64::from(u32::try_from(SHARED).expect("a small number"));
    assert!((here + there - all).abs() < 0.5, "{shares}");
}

#[tokio::test]
async fn what_one_replica_accepted_the_other_answers_for_at_once() {
    let (scene, other, _) = two(Builder::new(env!("CARGO_BIN_EXE_arcus"))).await;
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
async fn a_list_that_one_replica_keeps_is_not_given_again_once_another_has_written() {
    let (scene, other, _) = two(Builder::new(env!("CARGO_BIN_EXE_arcus"))).await;
    let id = scene
        .environment("kept", &json!([{"name": "n", "size": "eos1", "count": 2}]))
        .await;
    let login = [("username", "my@email.com"), ("password", "secretpassword")];
    let login = scene
        .owner
        .form(Method::POST, "/v1/user/login", &login)
        .await;
    let token = login.data()["token"].as_str().expect("a token").to_owned();
    let here = scene.owner.with_bearer(&token);
    let at_other = here.at(other.base());
    for round in 0..20 {
        let list = here.get("/v1/server/list").await.data();
        assert_eq!(list, here.get("/v1/server/list").await.data(), "{id}");
        let server = list[round % 2]["id"].to_string();
        let word = format!("word{round}");
        let tagged = [("sub_ids[]", server.as_str()), ("tags[]", word.as_str())];
        at_other
            .form(Method::POST, "/v1/tags/create", &tagged)
            .await
            .data();
        let list = here.get("/v1/server/list").await.data();
        let tags = list[round % 2]["tags"].as_array().expect("tags");
        assert!(tags.contains(&json!(word)), "{list}");
    }
}

#[tokio::test]
async fn work_is_found_when_nobody_tells_of_it() {
    let (scene, other, database) = two(Builder::new(env!("CARGO_BIN_EXE_arcus"))).await;
    let nodes = json!([{"name": "n", "size": "eos1"}]);
    let id = scene.environment("quiet", &nodes).await;
    // Let the news of the create's own end be heard; no condition tells when both have looked for the last time.
    tokio::time::sleep(Duration::from_millis(500)).await;
    database.run(STOP_UNHEARD).await;
    let is_stopped = |environment: &Value| environment["status"] == "stopped";
    scene.until(&id, "it to be stopped", is_stopped).await;
    assert_eq!(other.instances()[0]["state"], "stopped");
    let records = scene.arcus.ledger().await.read().await;
    records.assert_whole();
    assert_eq!(records.summary()["stop_server succeeded"], 1);
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
