//! Killed in the middle of a create, Arcus takes the work up again and makes exactly what was asked for.

use std::collections::HashSet;

use serde_json::{Value, json};
use testkit::wait;

use crate::rig::{PATIENCE, Rig, is_ready};

/// Waits until Incus has that many of ours, kills Arcus at once, and starts it again.
async fn killed_when_there_are(rig: &mut Rig, count: usize) {
    wait::until("Incus to make instances", PATIENCE, || async {
        (rig.instances().len() >= count).then_some(())
    })
    .await;
    rig.arcus.kill();
    rig.arcus.restart().await;
    rig.owner = rig.owner.at(rig.arcus.base());
}

#[tokio::test]
async fn killed_three_times_while_three_servers_are_made_it_makes_three() {
    let Some(mut rig) = Rig::start_with(&["--lease-secs=2"]).await else {
        return;
    };
    let nodes = json!([{"name": "web", "size": "eos1", "count": 3}]);
    let made = rig.create("shop", &nodes, "wait=0").await;
    assert_eq!(made["ready"], false, "{made}");
    let id = made["environment"].as_str().expect("an id");
    for count in [0, 1, 3] {
        killed_when_there_are(&mut rig, count).await;
    }
    let shown = rig.until(id, "three servers to be ready", is_ready).await;
    let instances = rig.instances();
    assert_eq!(instances.len(), 3, "{instances:?}");
    let distinct = |of: &[Value], field: fn(&Value) -> &Value| {
        let fields = of.iter().map(|one| field(one).to_string());
        fields.collect::<HashSet<_>>().len()
    };
    let token = |instance: &Value| -> String {
        let token = instance["config"]["user.arcus.token"].as_str();
        token.expect("a token").to_owned()
    };
    let tokens: HashSet<String> = instances.iter().map(token).collect();
    assert_eq!(tokens.len(), 3);
    let nodes = shown["nodes"].as_array().expect("an array");
    assert_eq!(distinct(nodes, |node| &node["public_ip"]), 3, "{shown}");
    rig.delete(id).await;
}
