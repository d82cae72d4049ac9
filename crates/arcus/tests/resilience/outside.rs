//! Drift: somebody changes things at the cloud behind our back. What is there is shown; nothing is changed back.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Builder, Scene, wait};

/// Beyond the look that a create takes at what it waits for.
const PATIENCE: Duration = Duration::from_secs(60);

async fn two_servers(builder: Builder) -> (Scene, String, String) {
    let scene = Scene::set(builder.flag("--reconcile-secs=0.2")).await;
    let nodes = json!([{"name": "web", "size": "eos1"}, {"name": "db", "size": "eos1"}]);
    let id = scene.environment("shop", &nodes).await;
    let instances = scene.arcus.instances();
    let web = instances.iter().find(|instance| {
        instance["name"]
            .as_str()
            .is_some_and(|name| name.ends_with("-web"))
    });
    let web = web.expect("an instance")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    (scene, id, web)
}

fn web(environment: &Value) -> &Value {
    let nodes = environment["nodes"].as_array().expect("nodes");
    nodes
        .iter()
        .find(|node| node["name"] == "web")
        .expect("web")
}

fn sandbox(scene: &Scene, arguments: &[&str]) -> String {
    scene.arcus.tell(&[&["sandbox"], arguments].concat(), "")
}

async fn a_server_that_was_switched_off_outside_shows_so_and_is_not_switched_on(builder: Builder) {
    let (scene, id, instance) = two_servers(builder).await;
    sandbox(&scene, &["stop", &instance]);
    let shown = scene
        .until(&id, "web to show as stopped", |shown| {
            web(shown)["status"] == "stopped"
        })
        .await;
    assert_eq!(
        (&shown["ready"], &shown["status"]),
        (&json!(false), &json!("degraded"))
    );
    let query = scene
        .owner
        .get(&format!("/environments/{id}/query"))
        .await
        .ok();
    assert!(query.to_string().contains("outside Arcus"), "{query}");
    assert_eq!(scene.arcus.calls("start"), 0);
    sandbox(&scene, &["start", &instance]);
    scene
        .until(&id, "it to be ready", |shown| shown["ready"] == true)
        .await;
    let query = scene
        .owner
        .get(&format!("/environments/{id}/query"))
        .await
        .ok();
    assert!(!query.to_string().contains("outside Arcus"), "{query}");
}

async fn a_server_that_is_switched_off_while_it_boots_for_the_first_time_is_switched_on_again(
    builder: Builder,
) {
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["boot_ms=60000"]);
    let wanted = scene.wanted("shop", &json!([{"name": "web", "size": "eos1"}]));
    let made = scene.owner.post("/environments?wait=0", &wanted).await;
    let id = made.expect(202)["environment"]
        .as_str()
        .expect("an id")
        .to_owned();
    let instance = wait::until("the instance to be recorded", PATIENCE, || async {
        let ledger = scene.arcus.ledger().await.read().await;
        let mut servers = ledger.servers.into_iter();
        servers.find_map(|server| server.cloud_id)
    })
    .await;
    sandbox(&scene, &["stop", &instance]);
    scene.arcus.faults(&["boot_ms=0"]);
    wait::until("it to be ready all the same", PATIENCE, || async {
        (scene.find(&id).await["ready"] == true).then_some(())
    })
    .await;
    assert_eq!(scene.arcus.instances().len(), 1);
}

async fn a_server_that_vanished_is_lost_and_its_environment_degraded(builder: Builder) {
    let (scene, id, instance) = two_servers(builder).await;
    sandbox(&scene, &["rm", &instance]);
    let shown = scene
        .until(&id, "the environment to be degraded", |shown| {
            shown["status"] == "degraded"
        })
        .await;
    assert_eq!(web(&shown)["status"], "lost");
    assert_eq!(shown["ready"], false);
    assert_eq!(
        scene.arcus.instances().len(),
        1,
        "nothing was made in its place"
    );
    let query = scene
        .owner
        .get(&format!("/environments/{id}/query"))
        .await
        .ok();
    assert!(query.to_string().contains("vanished"), "{query}");
    // What is lost can be deleted like anything else.
    let path = format!("/environments/{id}/delete");
    scene.owner.post(&path, &Value::Null).await.ok();
    scene.until_empty().await;
}

async fn a_cloud_that_refuses_our_credentials_loses_us_no_server(builder: Builder) {
    let (scene, id, _) = two_servers(builder).await;
    let looks = scene.arcus.calls("list");
    scene.arcus.faults(&["auth_revoked=true"]);
    testkit::wait::until(
        "some looks to be refused",
        std::time::Duration::from_secs(30),
        || async { (scene.arcus.calls("list") > looks + 5).then_some(()) },
    )
    .await;
    let shown = scene.find(&id).await;
    assert_eq!(
        web(&shown)["status"],
        "running",
        "an error says nothing about a server"
    );
    scene.arcus.faults(&["auth_revoked=false"]);
    let path = format!("/environments/{id}/delete");
    assert_eq!(
        scene.owner.post(&path, &Value::Null).await.ok()["success"],
        true
    );
    scene.until_empty().await;
}

testkit::on_both_databases!(
    a_server_that_was_switched_off_outside_shows_so_and_is_not_switched_on,
    a_server_that_is_switched_off_while_it_boots_for_the_first_time_is_switched_on_again,
    a_server_that_vanished_is_lost_and_its_environment_degraded,
    a_cloud_that_refuses_our_credentials_loses_us_no_server,
);
