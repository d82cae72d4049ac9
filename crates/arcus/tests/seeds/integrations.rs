//! `/integrations`.

use serde_json::{Value, json};
use testkit::{Builder, Method, Scene, assert_shape};

use crate::printed::{curl, is_id};

testkit::on_both_databases![
    a_docker_hub_account_is_answered_as_printed,
    an_integration_is_added_by_its_type_as_well,
    a_second_integration_of_a_name_is_refused_with_the_id_of_the_first,
    a_deleted_integration_is_gone,
    the_kinds_of_integration_say_what_they_want,
];

/// As the second documentation prints it.
const ADD: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/integrations/docker-hub"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
     -d '{"name": "Andrei's docker integration",
          "url": "https://index.docker.io/v1/",
          "username": "bogdan", "password": "crdq2f6qwv",
          "email": "bogdan@nimblex.net"}'
"#;

/// As the third prints it.
const ADD_LATER: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/integrations/docker-hub"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
     -d '{"name": "Andrei's docker integration",
          "url": "https://index.docker.io/v1/",
          "username": "username", "password": "secretpass",
          "email": "user@email.net"}'
"#;

/// As both print it.
fn added() -> Value {
    json!({
        "name": "My Docker Account",
        "organisation": "56dd890610d396380ecd959b",
        "type": "docker-hub",
        "id": "56df172610d39648c8063f3c",
        "integration_meta": {
            "url": "https://index.docker.io/v1/",
            "username": "username",
            "password": "jds98Ka",
            "email": "user@email.net"
        },
        "_name": "my_docker_account"
    })
}

async fn a_docker_hub_account_is_answered_as_printed(builder: Builder) {
    let scene = Scene::set(builder).await;
    let sent = json!({
        "url": "https://index.docker.io/v1/", "username": "bogdan", "password": "crdq2f6qwv",
        "email": "bogdan@nimblex.net",
    });
    let integration = curl(&scene.owner, ADD, &[]).await.ok();
    assert_shape(&integration, &added());
    assert_eq!(
        integration["integration_meta"], sent,
        "it is echoed to who sent it"
    );
    assert_eq!(integration["name"], "Andrei's docker integration");
    assert_eq!(integration["_name"], "andrei_s_docker_integration");
    assert_eq!(integration["type"], "docker-hub");
    assert_eq!(integration["organisation"], scene.organisation);
    assert!(is_id(&integration["id"]), "{integration}");

    let renamed = [("Andrei's docker integration", "My Docker Account")];
    let integration = curl(&scene.owner, ADD_LATER, &renamed).await.ok();
    assert_shape(&integration, &added());
    assert_eq!(integration["_name"], "my_docker_account");
    assert_eq!(integration["integration_meta"]["password"], "secretpass");
}

async fn an_integration_is_added_by_its_type_as_well(builder: Builder) {
    let scene = Scene::set(builder).await;
    let body = json!({
        "type": "docker-hub", "name": "Registry", "url": "https://registry.example/",
        "username": "me", "password": "secretpass", "email": "me@email.com",
    });
    let integration = scene.owner.post("/integrations", &body).await.ok();
    assert_shape(&integration, &added());
    let listed = scene.owner.get("/integrations").await.ok();
    assert_shape(&listed, &json!([added()]));
    assert_eq!(listed[0]["id"], integration["id"]);
    for (kind, message) in [
        (
            json!("npm"),
            "there is no integration type \"npm\"; the only one is \"docker-hub\"",
        ),
        (Value::Null, "type is missing"),
    ] {
        let mut wrong = body.clone();
        wrong["type"] = kind;
        let said = scene.owner.post("/integrations", &wrong).await.error(400);
        assert_eq!(said, message);
    }
    let listed = scene.owner.get("/integrations").await.ok();
    assert_eq!(listed.as_array().expect("an array").len(), 1);
}

async fn a_second_integration_of_a_name_is_refused_with_the_id_of_the_first(builder: Builder) {
    let scene = Scene::set(builder).await;
    let first = curl(&scene.owner, ADD, &[]).await.ok();
    let refused = curl(&scene.owner, ADD_LATER, &[]).await.expect(409);
    assert_shape(
        &refused,
        &json!({"message": "...", "id": "...", "request_id": "..."}),
    );
    assert_eq!(refused["id"], first["id"]);
}

async fn a_deleted_integration_is_gone(builder: Builder) {
    let scene = Scene::set(builder).await;
    let added = curl(&scene.owner, ADD, &[]).await.ok();
    let path = format!("/integrations/{}", added["id"].as_str().expect("an id"));
    let deleted = scene.owner.delete(&path).await.ok();
    assert_eq!(deleted["id"], added["id"]);
    scene.owner.delete(&path).await.error(404);
    assert_eq!(scene.owner.get("/integrations").await.ok(), json!([]));
    let mut body = scene.wanted("production", &json!([]));
    body["integrations"] = json!([added["id"]]);
    let message = scene.owner.post("/environments", &body).await.error(400);
    assert!(message.contains("there is no integration"), "{message}");
    curl(&scene.owner, ADD, &[]).await.ok();
}

async fn the_kinds_of_integration_say_what_they_want(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    let answer = client
        .send(client.request(Method::OPTIONS, "/integrations"))
        .await;
    let kinds = answer.ok();
    let field = json!({"short": "u", "long": "username", "description": "..."});
    let printed = json!({"docker-hub": {"description": "...", "mandatory_fields": [field]}});
    assert_shape(&kinds, &printed);
    let fields = kinds["docker-hub"]["mandatory_fields"]
        .as_array()
        .expect("an array");
    let longs: Vec<_> = fields.iter().map(|field| field["long"].clone()).collect();
    assert_eq!(longs, ["url", "username", "password", "email"]);
}
