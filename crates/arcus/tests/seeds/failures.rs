//! What part of an environment's servers can't do, and what its cloud can't say.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Builder, Method, Scene, wait};

testkit::on_both_databases![
    one_server_that_fails_leaves_the_others_done,
    a_cloud_that_is_away_is_waited_for_and_the_work_goes_on,
    what_was_last_seen_is_shown_while_the_cloud_is_away,
];

const ACCOUNT: &str = "company-name-my-email-com-my-provider-sandbox";

async fn three(scene: &Scene) -> String {
    let nodes = json!([{"name": "web", "size": "eos1", "count": 3}]);
    scene.environment("production", &nodes).await
}

fn server(number: usize) -> String {
    format!("company-name-my-email-com-default-production-web-{number}")
}

fn states(scene: &Scene) -> Vec<Value> {
    let instances = scene.arcus.instances();
    instances.iter().map(|one| one["state"].clone()).collect()
}

async fn one_server_that_fails_leaves_the_others_done(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = three(&scene).await;
    let instances = scene.arcus.instances();
    let lost = instances.iter().find(|one| one["name"] == server(2));
    let lost = lost.expect("it is there")["id"].as_str().expect("an id");
    scene.arcus.tell(&["sandbox", "rm", lost], "");
    let answer = scene
        .owner
        .get(&format!("/environments/{id}/stop"))
        .await
        .ok();
    assert_eq!(answer["success"], false);
    let servers = &answer["std_out"][ACCOUNT]["sandbox"];
    let failed = &servers[server(2)][0];
    assert!(
        failed["error"].as_str().is_some_and(|why| !why.is_empty()),
        "{answer}"
    );
    assert!(failed.get("currentState").is_none(), "{answer}");
    for number in [1, 3] {
        let done = &servers[server(number)][0];
        assert_eq!(
            done["currentState"],
            json!({"code": "64", "name": "stopping"}),
            "{answer}"
        );
        assert!(done.get("error").is_none(), "{answer}");
    }
    wait::until("the others to be off", Duration::from_secs(10), || async {
        (states(&scene) == ["stopped", "stopped"]).then_some(())
    })
    .await;
    // What is gone already is no hindrance to deleting the rest.
    let answer = scene
        .owner
        .delete(&format!("/environments/{id}"))
        .await
        .ok();
    assert_eq!(answer["success"], true, "{answer}");
    scene.until_empty().await;
}

async fn a_cloud_that_is_away_is_waited_for_and_the_work_goes_on(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = three(&scene).await;
    scene.arcus.faults(&["unavailable=1"]);
    let path = format!("/environments/{id}/stop?wait=1");
    let answer = scene.owner.raw(Method::POST, &path, "").await.expect(202);
    assert_eq!(answer["success"], false);
    for number in 1..=3 {
        let waiting = &answer["std_out"][ACCOUNT]["sandbox"][server(number)][0];
        assert!(waiting["pending"].is_string(), "{answer}");
        assert!(waiting.get("currentState").is_none(), "{answer}");
    }
    assert_eq!(states(&scene), ["running", "running", "running"]);
    scene.arcus.faults(&["unavailable=0"]);
    wait::until("all to be off", Duration::from_secs(30), || async {
        (states(&scene) == ["stopped", "stopped", "stopped"]).then_some(())
    })
    .await;
}

async fn what_was_last_seen_is_shown_while_the_cloud_is_away(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = three(&scene).await;
    let path = format!("/environments/{id}/query");
    let seen = scene.owner.get(&path).await.ok();
    assert!(seen.get("stale").is_none(), "{seen}");
    scene.arcus.faults(&["unavailable=1"]);
    let shown = scene.owner.get(&path).await.ok();
    assert_eq!(shown["std_out"], seen["std_out"]);
    assert_eq!(shown["stale"], "the cloud can't answer now");
    // Something was switched off meanwhile, which is seen as soon as the cloud is back.
    let instance = scene.arcus.instances()[0].clone();
    let number = instance["id"].as_str().expect("an id");
    scene.arcus.tell(&["sandbox", "stop", number], "");
    scene.arcus.faults(&["unavailable=0"]);
    let now = scene.owner.get(&path).await.ok();
    let name = instance["name"].as_str().expect("a name");
    assert_eq!(now["std_out"][ACCOUNT]["sandbox"][name]["state"], "stopped");
    assert!(now.get("stale").is_none(), "{now}");
    assert_eq!(scene.find(&id).await["ready"], false);
}
