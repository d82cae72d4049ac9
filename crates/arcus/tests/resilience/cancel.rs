//! Deleting what is still being made calls its making off.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Builder, Scene, wait};

async fn an_environment_that_is_deleted_in_the_making_leaves_nothing_behind(builder: Builder) {
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["boot_ms=600000", "latency_ms=20"]);
    let body = scene.wanted(
        "short-lived",
        &json!([{"name": "n", "size": "eos1", "count": 30}]),
    );
    let path = "/environments?wait=0";
    let answer = scene.owner.post(path, &body).await.expect(202);
    let id = answer["environment"].as_str().expect("an id");
    wait::until("some to be made", Duration::from_secs(30), || async {
        (scene.arcus.instances().len() > 5).then_some(())
    })
    .await;
    let delete = format!("/environments/{id}/delete");
    let answer = scene.owner.post(&delete, &Value::Null).await.ok();
    assert_eq!(answer["success"], true, "{answer}");
    scene.until_empty().await;
    // The environment goes with its last server, a moment before that server's operation says that it is done.
    let ledger = scene.arcus.ledger().await;
    wait::until(
        "every operation to end",
        Duration::from_secs(30),
        || async { (ledger.pending().await == 0).then_some(()) },
    )
    .await;
    let records = ledger.read().await;
    records.assert_whole();
    assert_eq!(records.summary()["destroy_server succeeded"], 30);
    assert_eq!(records.summary()["create_server cancelled"], 30);
}

async fn an_environment_that_is_being_deleted_is_not_switched(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "n", "size": "eos1"}]);
    let id = scene.environment("shop", &nodes).await;
    scene.arcus.faults(&["latency_ms=2000"]);
    let path = format!("/environments/{id}/delete?wait=0");
    scene.owner.post(&path, &Value::Null).await.expect(202);
    for change in ["start", "stop"] {
        let path = format!("/environments/{id}/{change}?wait=0");
        let message = scene.owner.post(&path, &Value::Null).await.error(409);
        assert_eq!(
            message,
            "the environment is being deleted; nothing was changed"
        );
    }
    scene.arcus.faults(&["latency_ms=0"]);
    scene.until_empty().await;
}

testkit::on_both_databases!(
    an_environment_that_is_deleted_in_the_making_leaves_nothing_behind,
    an_environment_that_is_being_deleted_is_not_switched,
);
