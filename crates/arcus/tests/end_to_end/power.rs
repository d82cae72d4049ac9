//! Stopping and starting.

use serde_json::{Value, json};

use crate::rig::{Rig, address, is_ready, node};

#[tokio::test]
async fn a_server_that_was_stopped_and_started_has_its_disk_and_shows_its_address() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let id = rig.ready("shop", &nodes).await;
    let made = rig.environment(&id).await;
    rig.ssh(&made, &node(&made, "web"), "echo kept >/root/note")
        .await;

    let path = |verb: &str| format!("/environments/{id}/{verb}?wait=120");
    let answer = rig.owner.get(&path("stop")).await.ok();
    assert_eq!(answer["success"], true, "{answer}");
    let stopped = |environment: &Value| environment["status"] == "stopped";
    rig.until(&id, "it to be stopped", stopped).await;
    assert_eq!(rig.instances()[0]["status"], "Stopped");

    let answer = rig.owner.get(&path("start")).await.ok();
    assert_eq!(answer["success"], true, "{answer}");
    let running = rig.until(&id, "it to run again", is_ready).await;
    let web = node(&running, "web");
    assert_eq!(web["public_ip"], address(&rig.instances()[0]));
    assert_eq!(rig.ssh(&running, &web, "cat /root/note").await, "kept");
    rig.delete(&id).await;
}
