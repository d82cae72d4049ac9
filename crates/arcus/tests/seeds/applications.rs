//! `/applications`.

use serde_json::{Value, json};
use testkit::{Builder, Scene, assert_shape};

use crate::printed::{curl, is_id};

testkit::on_both_databases![
    a_new_application_is_answered_as_printed,
    applications_are_listed_as_printed_and_with_their_environments,
    a_second_application_of_a_name_is_refused_with_the_id_of_the_first,
    an_application_is_deleted_once_it_is_empty,
];

const CREATE: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/applications"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
     -d '{"application_name": "My App", "application_type": "custom"}'
"#;

const LIST: &str = r#"
curl -X GET "http://s.cloudhero.io:8080/applications"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
"#;

/// Printed as the answer to either.
fn printed() -> Value {
    json!([
      {
        "application_name": "My App",
        "application_type": "custom",
        "id": "56dd62f210d396503e2a6abb",
        "environments": [],
        "deployments_count": 0
      }
    ])
}

async fn a_new_application_is_answered_as_printed(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let created = curl(&owner, CREATE, &[]).await.ok();
    assert_shape(&created, &printed());
    let [created] = created.as_array().expect("an array").as_slice() else {
        panic!("an array of one: {created}");
    };
    assert!(is_id(&created["id"]), "{created}");
    let mut as_printed = printed()[0].clone();
    as_printed["id"] = created["id"].clone();
    assert_eq!(*created, as_printed);
}

async fn applications_are_listed_as_printed_and_with_their_environments(builder: Builder) {
    let scene = Scene::set(builder).await;
    let listed = curl(&scene.owner, LIST, &[]).await.ok();
    assert_shape(&listed, &printed());
    assert_eq!(
        listed[0]["application_name"], "default",
        "it comes with the account"
    );
    let created = curl(&scene.owner, CREATE, &[]).await.ok();
    let id = created[0]["id"].as_str().expect("an id");
    let nodes = json!([{"name": "web", "size": "eos1", "packages": ["nginx"]}]);
    let path = format!("/applications/{id}/environments");
    let body = scene.wanted("production", &nodes);
    let made = scene.owner.post(&path, &body).await.ok();
    let environment = made["environment"].as_str().expect("an id");
    let listed = curl(&scene.owner, LIST, &[]).await.ok();
    assert_shape(&listed, &printed());
    let applications = listed.as_array().expect("an array");
    let named = |name: &str| {
        let found = applications
            .iter()
            .find(|one| one["application_name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {listed}"))
    };
    assert_eq!(applications.len(), 2);
    assert_eq!(named("default")["environments"], json!([]));
    assert_eq!(
        named("My App")["environments"],
        json!([scene.find(environment).await])
    );
}

async fn a_second_application_of_a_name_is_refused_with_the_id_of_the_first(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let first = curl(&owner, CREATE, &[]).await.ok();
    let refused = curl(&owner, CREATE, &[]).await.expect(409);
    assert_shape(
        &refused,
        &json!({"message": "...", "id": "...", "request_id": "..."}),
    );
    assert_eq!(refused["id"], first[0]["id"]);
    let listed = curl(&owner, LIST, &[]).await.ok();
    assert_eq!(listed.as_array().expect("an array").len(), 2);
    // In another organisation the name is free.
    let other = arcus.client().register("other", "other@email.com").await;
    curl(&other, CREATE, &[]).await.ok();
}

async fn an_application_is_deleted_once_it_is_empty(builder: Builder) {
    let scene = Scene::set(builder).await;
    let created = curl(&scene.owner, CREATE, &[]).await.ok();
    let id = created[0]["id"].as_str().expect("an id");
    let body = scene.wanted("production", &json!([]));
    let path = format!("/applications/{id}/environments");
    let made = scene.owner.post(&path, &body).await.ok();
    let path = format!("/applications/{id}");
    let refused = scene.owner.delete(&path).await.expect(409);
    assert_shape(&refused, &json!({"message": "...", "id": "..."}));
    let environment = made["environment"].as_str().expect("an id");
    scene
        .owner
        .delete(&format!("/environments/{environment}"))
        .await
        .ok();
    scene.until_empty().await;
    let deleted = scene.owner.delete(&path).await.ok();
    assert_eq!(deleted["id"], id);
    scene.owner.delete(&path).await.error(404);
    let listed = curl(&scene.owner, LIST, &[]).await.ok();
    let [default] = listed.as_array().expect("an array").as_slice() else {
        panic!("the default one is left: {listed}");
    };
    // Environments that name no application need it.
    let path = format!("/applications/{}", default["id"].as_str().expect("an id"));
    let refused = scene.owner.delete(&path).await.expect(409);
    assert_eq!(refused["id"], default["id"]);
    // The name is free again.
    let again = curl(&scene.owner, CREATE, &[]).await.ok();
    assert_ne!(again[0]["id"], id);
}
