//! `ready` tells the truth: when it does, how long an answer waits for it, and what never reads as ready.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Answer, Builder, Database, Method, Scene};

testkit::on_both_databases![
    an_answer_waits_until_every_node_is_ready,
    past_its_bound_an_answer_is_202_and_the_work_goes_on,
    an_asynchronous_answer_does_not_wait,
    a_node_whose_package_fails_never_reads_as_ready,
    a_failed_node_stays_failed_whatever_is_done_to_it,
    a_node_that_the_cloud_refuses_never_reads_as_ready,
];

fn web() -> Value {
    json!([{"name": "web", "size": "eos1", "packages": ["nginx"]}])
}

/// Asks for an environment, with a query string and a header; the answer, and how long it took.
async fn ask(scene: &Scene, name: &str, query: &str, prefer: &str) -> (Answer, Duration) {
    let began = Instant::now();
    let path = format!("/environments{query}");
    let request = scene.owner.request(Method::POST, &path);
    let request = request.header("Prefer", prefer);
    let answer = scene
        .owner
        .send(request.json(&scene.wanted(name, &web())))
        .await;
    (answer, began.elapsed())
}

fn is_ready(environment: &Value) -> bool {
    environment["ready"] == true
}

async fn an_answer_waits_until_every_node_is_ready(builder: Builder) {
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["boot_ms=1200"]);
    let (answer, took) = ask(&scene, "production", "", "a-preference; of=another kind").await;
    let made = answer.ok();
    assert_eq!(made["ready"], true);
    assert!(took >= Duration::from_millis(1200), "{took:?}");
    let environment = scene
        .find(made["environment"].as_str().expect("an id"))
        .await;
    assert!(is_ready(&environment), "{environment}");
    assert_eq!(environment["nodes"][0]["status"], "running");
}

async fn past_its_bound_an_answer_is_202_and_the_work_goes_on(builder: Builder) {
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["boot_ms=4000"]);
    let (by_query, by_header) = tokio::join!(
        ask(&scene, "by-query", "?wait=1", "wait=600"),
        ask(&scene, "by-header", "", "wait=1, return=minimal"),
    );
    for (answer, took) in [by_query, by_header] {
        assert!(took >= Duration::from_secs(1), "{took:?}");
        assert!(took < Duration::from_millis(3500), "{took:?}");
        let made = answer.expect(202);
        assert_eq!(made["ready"], false);
        assert_eq!(made["account"], scene.organisation);
        let id = made["environment"].as_str().expect("an id");
        let environment = scene.find(id).await;
        assert!(!is_ready(&environment), "{environment}");
        assert_ne!(environment["nodes"][0]["status"], "running");
    }
    for environment in scene.environments().await {
        let id = environment["id"].as_str().expect("an id");
        scene
            .until(id, "the environment to be ready", is_ready)
            .await;
    }
    assert_eq!(scene.arcus.calls("create"), 2);
}

async fn an_asynchronous_answer_does_not_wait(builder: Builder) {
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["boot_ms=600000"]);
    for (name, query, prefer) in [
        ("a", "", "respond-async"),
        ("b", "", "return=minimal, Respond-Async"),
        ("c", "?wait=0", "wait=600"),
    ] {
        let (answer, took) = ask(&scene, name, query, prefer).await;
        assert_eq!(answer.expect(202)["ready"], false, "{name}");
        assert!(took < Duration::from_secs(10), "{name}: {took:?}");
    }
    // What was never up can go all the same.
    for environment in scene.environments().await {
        let path = format!(
            "/environments/{}",
            environment["id"].as_str().expect("an id")
        );
        scene.owner.delete(&path).await.ok();
    }
    scene.until_empty().await;
}

#[tokio::test]
async fn an_answer_waits_30_seconds_where_nothing_else_was_asked_for() {
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).database(Database::sqlite());
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["boot_ms=600000"]);
    let (answer, took) = ask(&scene, "production", "", "").await;
    assert_eq!(answer.expect(202)["ready"], false);
    assert!(took >= Duration::from_secs(30), "{took:?}");
    assert!(took < Duration::from_secs(40), "{took:?}");
}

/// What a query says of a node.
async fn said_of(scene: &Scene, id: &str, node: &str) -> Value {
    let query = scene
        .owner
        .get(&format!("/environments/{id}/query"))
        .await
        .ok();
    let servers = &query["std_out"]["company-name-my-email-com-my-provider-sandbox"]["sandbox"];
    let mut said = servers[format!("company-name-my-email-com-default-production-{node}")].clone();
    said["success"] = query["success"].clone();
    said
}

/// Two nodes, of which `web` fails. The environment's id.
async fn half_failed(scene: &Scene) -> String {
    scene.arcus.faults(&["fail_package=nginx"]);
    let nodes = json!([
        {"name": "web", "size": "eos1", "packages": ["nginx"]},
        {"name": "db", "size": "eos1", "packages": ["redis"]},
    ]);
    let began = Instant::now();
    let body = scene.wanted("production", &nodes);
    let made = scene.owner.post("/environments", &body).await.ok();
    // It can't become ready any more, so there is nothing to wait for.
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(made["ready"], false);
    scene.arcus.faults(&["fail_package="]);
    made["environment"].as_str().expect("an id").to_owned()
}

async fn a_node_whose_package_fails_never_reads_as_ready(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = half_failed(&scene).await;
    let environment = scene.find(&id).await;
    assert!(!is_ready(&environment), "{environment}");
    assert_eq!(environment["nodes"][0]["status"], "failed");
    assert_eq!(environment["nodes"][1]["status"], "running");
    let failed = said_of(&scene, &id, "web").await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["packages"], json!(["nginx"]));
    let why = failed["error"].as_str().expect("it says why");
    assert!(why.contains("Unable to locate package nginx"), "{why}");
    assert_eq!(failed["success"], false);
    let other = said_of(&scene, &id, "db").await;
    assert_eq!(other["status"], "running");
    assert!(other.get("error").is_none(), "{other}");
    // Without the failed node what is left is ready.
    let node = environment["nodes"][0]["id"].as_str().expect("an id");
    scene.owner.delete(&format!("/nodes/{node}")).await.ok();
    scene.until(&id, "the rest to be ready", is_ready).await;
    assert_eq!(said_of(&scene, &id, "db").await["success"], true);
}

async fn a_failed_node_stays_failed_whatever_is_done_to_it(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = half_failed(&scene).await;
    for verb in ["stop", "start", "reboot"] {
        let path = format!("/environments/{id}/{verb}");
        scene.owner.raw(Method::POST, &path, "").await.ok();
        let said = said_of(&scene, &id, "web").await;
        assert_eq!(said["status"], "failed", "after {verb}: {said}");
        assert!(said["error"].is_string(), "after {verb}: {said}");
        assert!(!is_ready(&scene.find(&id).await), "after {verb}");
    }
    // It vanishes at its cloud, and something comes back in its place.
    let id_there = said_of(&scene, &id, "web").await["id"].clone();
    let instance = scene
        .arcus
        .instances()
        .into_iter()
        .find(|one| one["id"] == id_there);
    let instance = instance.expect("it is there");
    let of = |field: &str| instance[field].as_str().expect("a string").to_owned();
    scene.arcus.tell(&["sandbox", "rm", &of("id")], "");
    let said = said_of(&scene, &id, "web").await;
    assert!(said["error"].is_string(), "vanished: {said}");
    assert_ne!(said["state"], "running", "vanished: {said}");
    assert!(!is_ready(&scene.find(&id).await));
    let (name, token, installation) = (of("name"), of("token"), of("installation"));
    let again = [
        "sandbox",
        "add",
        &name,
        "--token",
        &token,
        "--installation",
        &installation,
    ];
    scene.arcus.tell(&again, "");
    let said = said_of(&scene, &id, "web").await;
    assert_eq!(said["state"], "running", "{said}");
    assert_eq!(said["status"], "failed", "back again: {said}");
    assert!(said["error"].is_string(), "back again: {said}");
    assert!(!is_ready(&scene.find(&id).await));
}

async fn a_node_that_the_cloud_refuses_never_reads_as_ready(builder: Builder) {
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["quota=1"]);
    let nodes = json!([{"name": "web", "size": "eos1", "count": 2}]);
    let body = scene.wanted("production", &nodes);
    let made = scene.owner.post("/environments", &body).await.ok();
    assert_eq!(made["ready"], false);
    let id = made["environment"].as_str().expect("an id");
    let environment = scene.find(id).await;
    let mut statuses: Vec<_> = (0..2)
        .map(|index| environment["nodes"][index]["status"].to_string())
        .collect();
    statuses.sort();
    assert_eq!(statuses, ["\"failed\"", "\"running\""]);
    let mut reasons = Vec::new();
    for node in ["web-1", "web-2"] {
        reasons.extend(said_of(&scene, id, node).await.get("error").cloned());
    }
    assert_eq!(reasons, ["the account has 1 of at most 1 instances"]);
    scene
        .owner
        .delete(&format!("/environments/{id}"))
        .await
        .ok();
    scene.until_empty().await;
}
