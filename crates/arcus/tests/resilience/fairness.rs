//! One organisation's load is not another's delay.

use std::time::Duration;

use serde_json::json;
use testkit::{Builder, Scene, wait};

async fn a_large_order_does_not_hold_up_a_small_one_of_somebody_else(builder: Builder) {
    let scene = Scene::set(builder.flag("--max-nodes=1000")).await;
    scene.arcus.faults(&["latency_ms=100", "boot_ms=200"]);
    let body = scene.wanted(
        "large",
        &json!([{"name": "n", "size": "eos1", "count": 600}]),
    );
    let path = "/environments?wait=0";
    scene.owner.post(path, &body).await.expect(202);
    let other = scene
        .arcus
        .client()
        .register("other", "other@email.com")
        .await;
    let provider = other.add_provider("sandbox").await;
    let body = json!({
        "provider_id": provider, "region": "sandbox", "environment": "small",
        "nodes": [{"name": "n", "size": "eos1"}],
    });
    let small = other.post("/environments?wait=60", &body).await.ok();
    assert_eq!(small["ready"], true);
    let large = &scene.environments().await[0];
    assert_eq!(
        large["ready"], false,
        "the large order was done before the small one"
    );
}

/// What is retried waits outside the queue's way: others of the same account go on.
async fn a_server_that_is_tried_again_and_again_holds_up_nobody(builder: Builder) {
    let scene = Scene::set(builder).await;
    // What is sold is asked for once, and known from then on.
    let meta = format!("/providers/{}/meta", scene.provider);
    scene.owner.get(&meta).await.ok();
    scene.arcus.faults(&["unavailable=1"]);
    let body = scene.wanted(
        "stuck",
        &json!([{"name": "n", "size": "eos1", "count": 100}]),
    );
    let path = "/environments?wait=0";
    scene.owner.post(path, &body).await.expect(202);
    wait::until(
        "the first tries to fail",
        Duration::from_secs(30),
        || async {
            (scene.arcus.metric("arcus_operation_retries", &[]).await >= 100.0).then_some(())
        },
    )
    .await;
    scene.arcus.faults(&["unavailable=0"]);
    scene
        .environment("free", &json!([{"name": "n", "size": "eos1"}]))
        .await;
}

testkit::on_both_databases!(
    a_large_order_does_not_hold_up_a_small_one_of_somebody_else,
    a_server_that_is_tried_again_and_again_holds_up_nobody,
);
