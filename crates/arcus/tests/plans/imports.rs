//! Servers that are there already are taken under management: shown first, then done, and nothing of them changes but whose
//! they are.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, Scene, wait};

use super::{calls, on_terms, planned};

const PATIENCE: Duration = Duration::from_secs(60);

testkit::on_both_databases![
    an_import_is_shown_before_it_is_made,
    an_imported_server_is_one_like_any_other,
    the_operator_imports_by_the_command_line,
    what_is_managed_or_not_there_is_not_imported,
    an_import_that_was_killed_half_way_is_finished,
    what_was_not_taken_under_management_yet_stays_when_it_is_deleted,
    one_that_is_just_being_tagged_is_given_back_when_it_is_deleted,
    one_that_bears_the_tag_and_waits_for_credentials_is_given_back_when_it_is_deleted,
    instances_of_one_name_are_imported_beside_each_other,
    what_is_in_the_operators_regions_is_not_a_customers_to_import,
    an_import_does_not_tell_what_others_have,
    what_is_just_being_imported_is_not_switched,
];

fn wanted(instances: &[&str]) -> Value {
    json!({"region": "sandbox", "environment": "inherited", "instances": instances})
}

/// An instance that nobody manages.
fn stray(scene: &Scene, name: &str) -> String {
    let id = scene.arcus.tell(&["sandbox", "add", name], "");
    id.trim().to_owned()
}

fn path(scene: &Scene) -> String {
    format!("/providers/{}/import", scene.provider)
}

fn is_ready(environment: &Value) -> bool {
    environment["ready"] == true
}

async fn an_import_is_shown_before_it_is_made(builder: Builder) {
    let scene = Scene::set(builder).await;
    let (one, other) = (stray(&scene, "Old Web"), stray(&scene, "db"));
    let before = scene.arcus.instances();
    let body = wanted(&[&one, &other]);
    let plan = planned(&scene.owner, Method::POST, &path(&scene), &body).await;
    assert_eq!(plan["import"][0]["instance"], one);
    assert_eq!(plan["import"][0]["name"], "old-web");
    assert_eq!(plan["import"][1]["name"], "db");
    assert_eq!((&plan["make"], &plan["destroy"]), (&json!([]), &json!([])));
    assert_eq!(plan["irreversible"], json!([]));
    assert_eq!(calls(&plan), ["adopt", "adopt"]);
    assert_eq!(scene.environments().await, Vec::<Value>::new());
    assert_eq!(scene.arcus.calls("adopt"), 0);
    let done = on_terms(&scene.owner, Method::POST, &path(&scene), &body, &plan).await;
    let id = done.ok()["id"].as_str().expect("an id").to_owned();
    scene.until(&id, "both to be managed", is_ready).await;
    assert_eq!(scene.arcus.calls("adopt"), 2);
    let names = |instances: &[Value]| -> Vec<Value> {
        instances.iter().map(|one| one["name"].clone()).collect()
    };
    assert_eq!(names(&scene.arcus.instances()), names(&before));
    // The same plan doesn't import them twice.
    let again = on_terms(&scene.owner, Method::POST, &path(&scene), &body, &plan).await;
    assert_eq!(again.status, 409, "{}", again.text);
}

async fn an_imported_server_is_one_like_any_other(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = stray(&scene, "web");
    let done = scene.owner.post(&path(&scene), &wanted(&[&id])).await.ok();
    assert_eq!(done["nodes"][0]["name"], "web");
    let environment = done["id"].as_str().expect("an id");
    let shown = scene.until(environment, "it to be managed", is_ready).await;
    assert_ne!(shown["nodes"][0]["public_ip"], "");
    let stop = format!("/environments/{environment}/stop");
    let stopped = scene.owner.get(&stop).await.ok();
    assert_eq!(stopped["success"], true, "{stopped}");
    let delete = format!("/environments/{environment}");
    let request = scene.owner.request(Method::DELETE, &delete);
    scene.owner.send(request).await.ok();
    scene.until_empty().await;
}

async fn the_operator_imports_by_the_command_line(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = stray(&scene, "web");
    let provider = scene.provider.as_str();
    let place = ["--region", "sandbox", "--environment", "inherited"];
    let import = [&["cloud", "import", provider, id.as_str()], &place[..]].concat();
    let shown = scene.arcus.tell(&import, "");
    assert!(shown.contains("nothing was done"), "{shown}");
    assert!(shown.contains(&id), "{shown}");
    assert_eq!(scene.environments().await, Vec::<Value>::new());
    let hash = shown.trim().rsplit(' ').next().expect("a hash");
    let applied = [&import[..], &["--apply", hash]].concat();
    scene.arcus.tell(&applied, "");
    let all = scene.environments().await;
    let environment = all[0]["id"].as_str().expect("an id");
    scene.until(environment, "it to be managed", is_ready).await;
    let wrong = [&import[..], &["--apply", "0"]].concat();
    assert!(!scene.arcus.run(&wrong).status.success());
}

async fn what_is_managed_or_not_there_is_not_imported(builder: Builder) {
    let scene = Scene::set(builder).await;
    let environment = scene
        .environment("production", &json!([{"name": "web", "size": "eos1"}]))
        .await;
    let managed = scene.arcus.instances()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let theirs = [
        "sandbox",
        "add",
        "theirs",
        "--token",
        "0123",
        "--installation",
        "another",
    ];
    let theirs = scene.arcus.tell(&theirs, "").trim().to_owned();
    let mine = stray(&scene, "mine");
    let post = async |body: Value| scene.owner.post(&path(&scene), &body).await;
    for (instance, status, why) in [
        (managed.as_str(), 409, "bears this Arcus's tag already"),
        (&theirs, 409, "is managed by another Arcus"),
        ("sbx-unknown", 400, "there is no instance"),
        ("", 400, "no instance's id"),
    ] {
        // With one that could be imported beside it, which is not either.
        let refused = post(wanted(&[&mine, instance])).await;
        assert_eq!(refused.status, status, "{}", refused.text);
        assert!(refused.text.contains(why), "{}", refused.text);
    }
    post(wanted(&[])).await.error(400);
    post(wanted(&[&mine, &mine])).await.error(400);
    let mut elsewhere = wanted(&[&mine]);
    elsewhere["region"] = json!("mars");
    post(elsewhere).await.error(400);
    let mut sized = wanted(&[&mine]);
    sized["size"] = json!("gigantic");
    post(sized).await.error(400);
    assert_eq!(scene.environments().await.len(), 1);
    assert_eq!(
        scene.find(&environment).await["nodes"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(scene.arcus.calls("adopt"), 0);
}

async fn an_import_that_was_killed_half_way_is_finished(builder: Builder) {
    let mut scene = Scene::set(builder).await;
    let id = stray(&scene, "web");
    // Each call takes so long that it is killed in the very one that puts the tag on it.
    scene.arcus.faults(&["latency_ms=3000"]);
    let done = scene.owner.post(&path(&scene), &wanted(&[&id])).await.ok();
    wait::until("the tag to be on its way", PATIENCE, || async {
        (scene.arcus.calls("adopt") == 1).then_some(())
    })
    .await;
    scene.arcus.kill();
    scene.arcus.faults(&["latency_ms=0"]);
    let servers = scene.arcus.ledger().await.read().await.servers;
    assert_eq!(servers[0].setup, "creating");
    scene.arcus.restart().await;
    let environment = done["id"].as_str().expect("an id");
    scene.owner = scene.owner.at(scene.arcus.base());
    scene.until(environment, "it to be managed", is_ready).await;
    assert_eq!(scene.arcus.instances().len(), 1);
}

async fn what_was_not_taken_under_management_yet_stays_when_it_is_deleted(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = stray(&scene, "web");
    scene.arcus.faults(&["latency_ms=1000"]);
    let done = scene.owner.post(&path(&scene), &wanted(&[&id])).await.ok();
    let environment = done["id"].as_str().expect("an id");
    // Its adoption is still looking at it, and comes to wait for the credentials.
    scene.arcus.faults(&["auth_revoked=true"]);
    let delete = format!("/environments/{environment}?wait=0");
    wait::until("the deletion to be taken", PATIENCE, || async {
        let request = scene.owner.request(Method::DELETE, &delete);
        let answer = scene.owner.send(request).await;
        assert!(matches!(answer.status, 200 | 202 | 409), "{}", answer.text);
        (answer.status != 409).then_some(())
    })
    .await;
    scene.arcus.faults(&["auth_revoked=false", "latency_ms=0"]);
    wait::until("the environment to go", PATIENCE, || async {
        scene.environments().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(scene.arcus.calls("destroy"), 0);
    assert_eq!(scene.arcus.instances()[0]["id"], id);
}

async fn one_that_is_just_being_tagged_is_given_back_when_it_is_deleted(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = stray(&scene, "web");
    let environment = tagged(&scene, &id).await;
    let delete = format!("/environments/{environment}?wait=0");
    let request = scene.owner.request(Method::DELETE, &delete);
    scene.owner.send(request).await.expect(202);
    scene.arcus.faults(&["latency_ms=0"]);
    assert_given_back(&scene, &id).await;
}

/// Its cloud has put the tag on it, and nothing of it can be looked at from then on.
async fn one_that_bears_the_tag_and_waits_for_credentials_is_given_back_when_it_is_deleted(
    builder: Builder,
) {
    let scene = Scene::set(builder).await;
    let id = stray(&scene, "web");
    let environment = tagged(&scene, &id).await;
    scene.arcus.faults(&["auth_revoked=true", "latency_ms=0"]);
    wait::until("the tag to be on it", PATIENCE, || async {
        is_tagged(&scene).then_some(())
    })
    .await;
    let delete = format!("/environments/{environment}?wait=0");
    let request = scene.owner.request(Method::DELETE, &delete);
    scene.owner.send(request).await.expect(202);
    scene.arcus.faults(&["auth_revoked=false"]);
    assert_given_back(&scene, &id).await;
}

/// Begins an import, and comes back when its tag is on the way, slowly. In which environment it is.
async fn tagged(scene: &Scene, id: &str) -> String {
    scene.arcus.faults(&["latency_ms=2000"]);
    let done = scene.owner.post(&path(scene), &wanted(&[id])).await.ok();
    wait::until("the tag to be on its way", PATIENCE, || async {
        (scene.arcus.calls("adopt") == 1).then_some(())
    })
    .await;
    done["id"].as_str().expect("an id").to_owned()
}

fn is_tagged(scene: &Scene) -> bool {
    scene.arcus.instances()[0]["token"].is_string()
}

/// The environment goes, and the instance stays as it was, nobody's.
async fn assert_given_back(scene: &Scene, id: &str) {
    wait::until("the environment to go", PATIENCE, || async {
        scene.environments().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(scene.arcus.calls("destroy"), 0);
    assert_eq!(scene.arcus.instances()[0]["id"], id);
    assert!(!is_tagged(scene), "{:?}", scene.arcus.instances());
}

async fn instances_of_one_name_are_imported_beside_each_other(builder: Builder) {
    let scene = Scene::set(builder).await;
    let (one, other) = (stray(&scene, "web"), stray(&scene, "web"));
    let done = scene
        .owner
        .post(&path(&scene), &wanted(&[&one, &other]))
        .await
        .ok();
    let environment = done["id"].as_str().expect("an id");
    let shown = scene
        .until(environment, "both to be managed", is_ready)
        .await;
    assert_eq!(shown["nodes"][0]["name"], "web");
    assert_eq!(shown["nodes"][1]["name"], "web-2");
    let scale = format!("/environments/{environment}/scale");
    let refused = scene.owner.post(&scale, &json!({"name": "web"})).await;
    assert!(refused.error(400).contains("was imported"));
}

async fn what_is_in_the_operators_regions_is_not_a_customers_to_import(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = stray(&scene, "precious");
    let body = json!({"cloud_provider": "arcus", "provider_name": "the-house"});
    let house = scene.owner.post("/providers", &body).await.ok();
    let house = house["id"].as_str().expect("an id");
    let mut body = wanted(&[&id]);
    body["size"] = json!("eos1");
    for query in ["", "?plan=true"] {
        let path = format!("/providers/{house}/import{query}");
        let refused = scene.owner.post(&path, &body).await;
        assert!(refused.error(403).contains("ask the operator"));
    }
    assert_eq!(scene.arcus.calls("adopt"), 0);
    assert_eq!(scene.environments().await, Vec::<Value>::new());
    // The operator gives it.
    let import = [
        "cloud",
        "import",
        house,
        &id,
        "--region",
        "sandbox",
        "--environment",
        "given",
        "--plan",
        "eos1",
    ];
    let shown = scene.arcus.tell(&import, "");
    let hash = shown.trim().rsplit(' ').next().expect("a hash");
    scene
        .arcus
        .tell(&[&import[..], &["--apply", hash]].concat(), "");
    let all = scene.environments().await;
    let environment = all[0]["id"].as_str().expect("an id");
    let shown = scene.until(environment, "it to be managed", is_ready).await;
    assert_eq!(shown["nodes"][0]["size"], "eos1");
}

async fn an_import_does_not_tell_what_others_have(builder: Builder) {
    let scene = Scene::set(builder).await;
    scene
        .environment("production", &json!([{"name": "web", "size": "eos1"}]))
        .await;
    let theirs = scene.arcus.instances()[0]["name"].clone();
    let theirs = theirs.as_str().expect("a name");
    let anybody = scene.arcus.client();
    let other = anybody.register("another", "other@email.com").await;
    let provider = other.add_provider("sandbox").await;
    let id = stray(&scene, theirs);
    let path = format!("/providers/{provider}/import");
    let made = other.post(&path, &wanted(&[&id])).await.ok();
    let environment = made["id"].as_str().expect("an id");
    let query = format!("/environments/{environment}/query");
    let seen = other.get(&query).await.ok().to_string();
    assert!(seen.contains(&format!("\"name\":\"{theirs}\"")), "{seen}");
}

async fn what_is_just_being_imported_is_not_switched(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = stray(&scene, "web");
    let environment = tagged(&scene, &id).await;
    let stop = format!("/environments/{environment}/stop");
    let refused = scene.owner.get(&stop).await.ok();
    assert_eq!(refused["success"], false, "{refused}");
    let why = refused.to_string();
    assert!(why.contains("just being taken under management"), "{why}");
    scene.arcus.faults(&["latency_ms=0"]);
    scene
        .until(&environment, "it to be managed", is_ready)
        .await;
    assert_eq!(scene.arcus.calls("stop"), 0);
}
