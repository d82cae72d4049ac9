//! SIGTERM: what runs is finished or handed back, what waits is answered, and nothing is lost.

use std::time::Duration;

use serde_json::json;
use testkit::{Builder, Scene, wait};

const SERVERS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(60);

async fn sigterm_under_load_loses_no_operation(builder: Builder) {
    let mut scene = Scene::set(builder).await;
    scene.arcus.faults(&["latency_ms=100", "boot_ms=300"]);
    let nodes = json!([{"name": "node", "size": "eos1", "count": SERVERS}]);
    let body = scene.wanted("loaded", &nodes);
    let path = "/environments?wait=0";
    scene.owner.post(path, &body).await.expect(202);
    wait::until("creates to be on their way", PATIENCE, || async {
        (scene.arcus.calls("create") > 5).then_some(())
    })
    .await;
    assert!(scene.arcus.stop().await.success());
    let ledger = scene.arcus.ledger().await;
    let records = ledger.read().await;
    let held = records.operations.iter();
    let held: Vec<_> = held.filter(|held| held.lease_owner.is_some()).collect();
    assert!(held.is_empty(), "a lease was not handed back: {held:#?}");
    assert_eq!(records.operations.len(), SERVERS);
    assert!(ledger.pending().await > 0, "it ended before the signal");

    scene.arcus.restart().await;
    wait::until("the rest to be done", PATIENCE, || async {
        (ledger.pending().await == 0).then_some(())
    })
    .await;
    let records = ledger.read().await;
    records.assert_whole();
    assert_eq!(records.summary()["create_server succeeded"], SERVERS);
    assert_eq!(scene.arcus.instances().len(), SERVERS);
}

async fn a_request_that_waits_is_answered_when_the_process_stops(builder: Builder) {
    let mut scene = Scene::set(builder).await;
    scene.arcus.faults(&["boot_ms=600000"]);
    let body = scene.wanted("slow", &json!([{"name": "node", "size": "eos1"}]));
    let owner = scene.owner.clone();
    let waiting = tokio::spawn(async move { owner.post("/environments?wait=300", &body).await });
    wait::until("the instance to be made", PATIENCE, || async {
        (!scene.arcus.instances().is_empty()).then_some(())
    })
    .await;
    assert!(scene.arcus.stop().await.success());
    let answer = waiting.await.expect("the request ended").expect(202);
    assert_eq!(answer["ready"], false);
}

async fn a_request_after_sigterm_is_refused_rather_than_half_done(builder: Builder) {
    let mut scene = Scene::set(builder).await;
    // What is sold is kept, so that the slow cloud is asked for the server alone.
    let meta = format!("/providers/{}/meta", scene.provider);
    scene.owner.get(&meta).await.ok();
    scene.arcus.faults(&["latency_ms=4000"]);
    let nodes = json!([{"name": "node", "size": "eos1"}]);
    let path = "/environments?wait=0";
    let first = scene.owner.post(path, &scene.wanted("first", &nodes)).await;
    let first = first.expect(202)["environment"].clone();
    wait::until("the create to be on its way", PATIENCE, || async {
        (scene.arcus.calls("create") > 0).then_some(())
    })
    .await;

    scene.arcus.signal("TERM");
    wait::until("the listener to close", PATIENCE, || async {
        (!scene.arcus.is_listening().await).then_some(())
    })
    .await;
    let request = scene.owner.request(testkit::Method::POST, path);
    let late = scene.wanted("late", &nodes);
    let answer = scene.owner.try_send(request.json(&late)).await;
    assert!(answer.is_none(), "it was answered: {answer:?}");
    let refused = "it was over already, and refused nobody";
    assert!(scene.arcus.is_alive(), "{refused}");
    assert!(scene.arcus.ended().await.success());

    scene.arcus.faults(&["latency_ms=0"]);
    scene.arcus.restart().await;
    let owner = scene.owner.at(scene.arcus.base());
    wait::until("the first to be ready", PATIENCE, || async {
        let all = owner.get("/environments").await.ok();
        assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
        assert_eq!(all[0]["id"], first, "{all}");
        (all[0]["ready"] == true).then_some(())
    })
    .await;
    assert_eq!(scene.arcus.calls("create"), 1);
    assert_eq!(scene.arcus.instances().len(), 1);
}

testkit::on_both_databases!(
    sigterm_under_load_loses_no_operation,
    a_request_that_waits_is_answered_when_the_process_stops,
    a_request_after_sigterm_is_refused_rather_than_half_done,
);
