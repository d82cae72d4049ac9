//! Making environments: `/applications/{id}/environments`, `/environments`.

use serde_json::{Value, json};
use testkit::{Builder, Scene, assert_shape};

use crate::printed::{curl, is_id, is_time};

testkit::on_both_databases![
    a_single_server_is_made_as_printed,
    several_servers_are_made_as_printed,
    a_docker_cluster_is_made_as_printed,
    an_environment_without_an_application_is_in_the_default_one,
    an_environment_may_begin_without_nodes,
    an_environment_is_shown_with_all_its_fields,
    the_operators_own_regions_are_a_provider_too,
    a_second_environment_of_a_name_is_refused_with_the_id_of_the_first,
    a_deleted_environment_goes_with_its_servers,
];

pub(crate) const SINGLE: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/applications/application_id/environments"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
     -d '{"provider_id": "56dd8bb410d396398074aa16",
          "region": "region", "environment": "env_name",
          "nodes": [{"packages": ["pkg_name"], "name": "node_name", "size": "size"}]}'
"#;

pub(crate) const SEVERAL: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/applications/application_id/environments"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
     -d '{"provider_id": "56dd8bb410d396398074aa16",
          "region": "region", "environment": "env_name",
          "nodes": [{"packages": ["pkg_name"], "name": "node_name1", "size": "size"},
                    {"packages": ["pkg_name"], "name": "node_name2", "size": "size"},
                    {"packages": ["pkg_name"], "name": "node_name3", "size": "size"}]}'
"#;

/// As the second documentation prints it.
pub(crate) const CLUSTER: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/applications/application_id/environments"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
     -d '{"provider_id": "56dd8bb410d396398074aa16",
          "region": "region", "environment": "env_name",
          "nodes": [{"packages": ["docker"], "name": "node_name1", "size": "size"},
                    {"packages": ["docker"], "name": "node_name2", "size": "size"},
                    {"packages": ["docker"], "name": "node_name3", "size": "size"}]}'
"#;

/// As the third prints it.
pub(crate) const CLUSTER_WITH_INTEGRATION: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/applications/application_id/environments"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
     -d '{"provider_id": "56dd8bb410d396398074aa16",
          "integrations": ["56df13aa10d39648c8063f3b"],
          "region": "region", "environment": "env_name",
          "nodes": [{"packages": ["docker"], "name": "node_name1", "size": "size"},
                    {"packages": ["docker"], "name": "node_name2", "size": "size"},
                    {"packages": ["docker"], "name": "node_name3", "size": "size"}]}'
"#;

/// Sends one of them for an application of its own, and returns the environment as the list shows it.
async fn make(scene: &Scene, printed: &str, replacements: &[(&str, &str)]) -> Value {
    let body = json!({"application_name": "My App", "application_type": "custom"});
    let application = scene.owner.post("/applications", &body).await.ok();
    let application = application[0]["id"].as_str().expect("an id");
    let usual = [
        ("application_id", application),
        ("56dd8bb410d396398074aa16", scene.provider.as_str()),
        (r#""region": "region""#, r#""region": "sandbox""#),
        ("env_name", "production"),
        (r#""size": "size""#, r#""size": "eos1""#),
    ];
    let replacements = [&usual, replacements].concat();
    let made = curl(&scene.owner, printed, &replacements).await.ok();
    let answer = json!({
      "ready": true,
      "environment": "52dea11f10d39637655819b1",
      "account": "56da890610d396320ecd159b"
    });
    assert_shape(&made, &answer);
    assert_eq!(made["ready"], true);
    assert_eq!(made["account"], scene.organisation);
    assert!(is_id(&made["environment"]), "{made}");
    let environment = scene
        .find(made["environment"].as_str().expect("an id"))
        .await;
    assert_eq!(environment["name"], "production");
    assert_eq!(
        environment["application"],
        json!({"id": application, "name": "My App"})
    );
    assert_eq!(environment["ready"], true);
    environment
}

/// Names and states of what there really is, the oldest first.
fn instances(scene: &Scene) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let all = scene.arcus.instances();
    let mut names: Vec<_> = all
        .iter()
        .map(|instance| (text(&instance["name"]), text(&instance["state"])))
        .collect();
    names.sort();
    names
}

fn running(names: &[&str]) -> Vec<(String, String)> {
    let prefix = "company-name-my-email-com-my-app-production";
    let named = |name: &&str| (format!("{prefix}-{name}"), "running".to_owned());
    names.iter().map(named).collect()
}

async fn a_single_server_is_made_as_printed(builder: Builder) {
    let scene = Scene::set(builder).await;
    let replacements = [("pkg_name", "nginx"), ("node_name", "web")];
    let environment = make(&scene, SINGLE, &replacements).await;
    assert_eq!(environment["nodes"][0]["name"], "web");
    assert_eq!(environment["nodes"][0]["packages"], json!(["nginx"]));
    assert_eq!(instances(&scene), running(&["web"]));
}

async fn several_servers_are_made_as_printed(builder: Builder) {
    let scene = Scene::set(builder).await;
    let environment = make(&scene, SEVERAL, &[("pkg_name", "mysql")]).await;
    let nodes = environment["nodes"].as_array().expect("an array");
    let names: Vec<_> = nodes.iter().map(|node| node["name"].clone()).collect();
    assert_eq!(names, ["node_name1", "node_name2", "node_name3"]);
    let expected = running(&["node-name1", "node-name2", "node-name3"]);
    assert_eq!(instances(&scene), expected);
}

async fn a_docker_cluster_is_made_as_printed(builder: Builder) {
    let scene = Scene::set(builder).await;
    let environment = make(&scene, CLUSTER, &[]).await;
    for node in environment["nodes"].as_array().expect("an array") {
        assert_eq!(node["packages"], json!(["docker"]));
    }
    let path = format!(
        "/environments/{}",
        environment["id"].as_str().expect("an id")
    );
    scene.owner.delete(&path).await.ok();
    scene.until_empty().await;
    let application = environment["application"]["id"].as_str().expect("an id");
    let path = format!("/applications/{application}");
    scene.owner.delete(&path).await.ok();

    let body = json!({
        "name": "My Docker Account", "url": "https://index.docker.io/v1/",
        "username": "username", "password": "secretpass", "email": "user@email.net",
    });
    let integration = scene
        .owner
        .post("/integrations/docker-hub", &body)
        .await
        .ok();
    let integration = integration["id"].as_str().expect("an id");
    let replacements = [("56df13aa10d39648c8063f3b", integration)];
    let environment = make(&scene, CLUSTER_WITH_INTEGRATION, &replacements).await;
    assert_eq!(environment["nodes"].as_array().expect("an array").len(), 3);
    let expected = running(&["node-name1", "node-name2", "node-name3"]);
    assert_eq!(instances(&scene), expected);
}

async fn an_environment_without_an_application_is_in_the_default_one(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1", "packages": ["nginx", "php"]}]);
    let id = scene.environment("production", &nodes).await;
    let applications = scene.owner.get("/applications").await.ok();
    let environment = scene.find(&id).await;
    assert_eq!(applications[0]["application_name"], "default");
    assert_eq!(environment["application"]["id"], applications[0]["id"]);
    assert_eq!(applications[0]["environments"], json!([environment]));
}

async fn an_environment_may_begin_without_nodes(builder: Builder) {
    let scene = Scene::set(builder).await;
    let mut body = scene.wanted("production", &json!([]));
    body.as_object_mut().expect("an object").remove("nodes");
    let made = scene.owner.post("/environments", &body).await.ok();
    assert_eq!(made["ready"], true);
    let id = made["environment"].as_str().expect("an id");
    let environment = scene.find(id).await;
    assert_eq!(environment["nodes"], json!([]));
    assert_shape(&environment["provider"], &json!({"username": "root"}));
    let query = scene
        .owner
        .get(&format!("/environments/{id}/query"))
        .await
        .ok();
    let account = "company-name-my-email-com-my-provider-sandbox";
    assert_eq!(query["std_out"], json!({account: {"sandbox": {}}}));
    assert_eq!(query["success"], true);
}

async fn an_environment_is_shown_with_all_its_fields(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([
        {"name": "web", "size": "eos2", "packages": ["nginx"], "tags": {"tier": "front", "n": 1}},
        {"name": "db", "size": "eos1", "image": "ubuntu-24.04", "count": 2},
    ]);
    let id = scene.environment("production", &nodes).await;
    let environment = scene.find(&id).await;
    let node = json!({
        "id": "...", "name": "...", "size": "...", "packages": [], "tags": {}, "public_ip": "...",
        "private_ip": "...", "status": "...", "image": "...", "created_at": "...",
    });
    let printed = json!({
        "id": "...", "name": "...", "os_region": "...",
        "application": {"id": "...", "name": "..."},
        "provider": {"id": "...", "name": "...", "username": "...", "provider_type": "..."},
        "nodes": [node], "ready": true, "created_at": "...",
    });
    assert_shape(&environment, &printed);
    let provider = json!({
        "id": scene.provider, "name": "my-provider", "username": "root", "provider_type": "sandbox",
    });
    assert_eq!(environment["provider"], provider);
    assert_eq!(environment["os_region"], "sandbox");
    assert!(is_time(&environment["created_at"]), "{environment}");
    let nodes = environment["nodes"].as_array().expect("an array");
    let of = |field: &str| {
        nodes
            .iter()
            .map(|node| node[field].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("name"), ["web", "db-1", "db-2"]);
    assert_eq!(of("size"), ["eos2", "eos1", "eos1"]);
    assert_eq!(of("image"), ["debian-12", "ubuntu-24.04", "ubuntu-24.04"]);
    assert_eq!(of("status"), ["running", "running", "running"]);
    let front = json!({"tier": "front", "n": 1});
    assert_eq!(of("tags"), [front, json!({}), json!({})]);
    assert_eq!(of("packages"), [json!(["nginx"]), json!([]), json!([])]);
    let there = scene.arcus.instances();
    for (node, name) in nodes.iter().zip(["web", "db-1", "db-2"]) {
        let name = format!("company-name-my-email-com-default-production-{name}");
        let instance = there.iter().find(|instance| instance["name"] == name);
        let instance = instance.unwrap_or_else(|| panic!("no {name} in {there:?}"));
        assert_eq!(node["public_ip"], instance["address"]);
        assert_eq!(node["private_ip"], instance["address"]);
        assert_eq!(node["image"], instance["image"]);
        assert_eq!(node["size"], instance["plan"]);
        assert!(is_id(&node["id"]) && is_time(&node["created_at"]), "{node}");
    }
}

async fn the_operators_own_regions_are_a_provider_too(builder: Builder) {
    let scene = Scene::set(builder).await;
    let house = scene.owner.add_provider("arcus").await;
    let mut body = scene.wanted("production", &json!([{"name": "web", "size": "eos1"}]));
    body["provider_id"] = json!(house);
    let made = scene.owner.post("/environments", &body).await.ok();
    assert_eq!(made["ready"], true);
    let id = made["environment"].as_str().expect("an id");
    let environment = scene.find(id).await;
    assert_eq!(environment["provider"]["provider_type"], "arcus");
    let query = scene
        .owner
        .get(&format!("/environments/{id}/query"))
        .await
        .ok();
    let servers = &query["std_out"]["company-name-my-email-com-arcus-arcus"]["arcus"];
    let server = &servers["company-name-my-email-com-default-production-web"];
    assert_eq!(server["state"], "running", "{query}");
    assert_eq!(server["id"], scene.arcus.instances()[0]["id"]);
}

async fn a_second_environment_of_a_name_is_refused_with_the_id_of_the_first(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let first = scene.environment("production", &nodes).await;
    let body = scene.wanted("production", &nodes);
    let refused = scene.owner.post("/environments", &body).await.expect(409);
    assert_shape(
        &refused,
        &json!({"message": "...", "id": "...", "request_id": "..."}),
    );
    assert_eq!(refused["id"], first);
    assert_eq!(scene.arcus.calls("create"), 1);
    assert_eq!(scene.environments().await.len(), 1);
    // In another application the name is free.
    let application = json!({"application_name": "My App", "application_type": "custom"});
    let application = scene.owner.post("/applications", &application).await.ok();
    let application = application[0]["id"].as_str().expect("an id");
    let path = format!("/applications/{application}/environments");
    scene.owner.post(&path, &body).await.ok();
}

async fn a_deleted_environment_goes_with_its_servers(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1", "count": 2}]);
    let first = scene.environment("staging", &nodes).await;
    let second = scene.environment("production", &nodes).await;
    scene.arcus.faults(&["destroy_ms=1500"]);
    scene
        .owner
        .delete(&format!("/environments/{first}"))
        .await
        .ok();
    // Until the last server has gone, it is shown as going.
    let going = scene.find(&first).await;
    assert_eq!(
        (&going["ready"], &going["status"]),
        (&json!(false), &json!("deleting"))
    );
    let add = json!([{"name": "more", "size": "eos1"}]);
    let path = format!("/environments/{first}/nodes");
    let refused = scene.owner.post(&path, &add).await.expect(409);
    assert_shape(
        &refused,
        &json!({"message": "...", "id": "...", "request_id": "..."}),
    );
    assert_eq!(refused["id"], first);
    scene
        .until(&second, "the other to be alone", |_| {
            scene.arcus.instances().len() == 2
        })
        .await;
    let left = testkit::wait::until("it to go", std::time::Duration::from_secs(10), || async {
        Some(scene.environments().await).filter(|all| all.len() == 1)
    });
    assert_eq!(left.await[0]["id"], second);
    scene
        .owner
        .delete(&format!("/environments/{first}"))
        .await
        .error(404);
    for verb in ["query", "start", "stop", "delete"] {
        let path = format!("/environments/{first}/{verb}");
        scene.owner.get(&path).await.error(404);
    }
}
