//! SSH keys, and what layer 2 and layer 1 see of one another's servers.

use serde_json::json;
use testkit::{Builder, Method, Scene, Shop};

testkit::on_both_databases![
    a_key_is_there_once_and_so_is_its_name,
    a_server_made_with_a_key_that_is_not_there_is_refused,
    the_servers_of_an_environment_are_listed_and_tagged_like_any_other,
];

/// The key that the documentation's list prints, with its fingerprint.
pub(crate) const KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAABJQAAAQEAjNDpbHYrC/lmboOnkeOPDzrdoLM0A44M+VpzZuc4I9778zlapZxJ5irdXwwH8E+Bq1VdvWZDTgEKKT5RBgw200zmKlgsrSLQpOb10qWW26EUpQu3gJgt/oJzMADoJuj5+F6b3v4/rwXs8EwRO5O3hT5+XuOWTsvRVQomLcOe7R2t3HT01eggyvswwAR7IEsynazCQr0FVM3UQ5dlk44Z+zjg9BMqPFMxFWHxFskiRMtQLEKEvJDLG8qDLc+mMV7P8kRAGeNnc7U5Zf4hC+o5ZUdCDqJMKQodkWiR57IB0oxu9PJz40zjlkApzABRQyhUVZnCVX78HgV8BKwmDjuFfw== rsa-key-20180621";
pub(crate) const FINGERPRINT: &str = "d3:b7:6f:c7:c4:93:6e:35:5d:93:52:4a:3b:84:72:9d";

async fn a_key_is_there_once_and_so_is_its_name(builder: Builder) {
    let shop = Shop::open(builder).await;
    let add = |name: &'static str, key: String| {
        let customer = shop.customer.clone();
        async move {
            let form = [("name", name), ("public_key", &*key)];
            let path = "/v1/sshkey/create";
            customer.form(Method::POST, path, &form).await
        }
    };
    add("SSHTest", KEY.to_owned()).await.data();
    add("another", KEY.to_owned()).await.refusal(409);
    let another = shop.owner.get("/accounts/keys").await.ok();
    let another = another["public_key"].as_str().expect("a key").to_owned();
    add("SSHTest", another.clone()).await.refusal(409);
    add("another", another).await.data();
}

async fn a_server_made_with_a_key_that_is_not_there_is_refused(builder: Builder) {
    let shop = Shop::open(builder).await;
    let body = json!({
        "name": "web", "region": "ist2", "package": "eos1", "image": "debian-12", "ssh_keys": [FINGERPRINT],
    });
    let message = shop
        .customer
        .post("/v1/server/create", &body)
        .await
        .refusal(400);
    assert!(message.contains(FINGERPRINT), "{message}");
    let form = [("name", "SSHTest"), ("public_key", KEY)];
    shop.customer
        .form(Method::POST, "/v1/sshkey/create", &form)
        .await
        .ok();
    let own = shop.customer.get("/v1/sshkey/list").await.data()["SSHTest"]["fingerprint"].clone();
    let body = json!({
        "name": "web", "region": "ist2", "package": "eos1", "image": "debian-12", "ssh_key": own,
    });
    let data = shop.customer.post("/v1/server/create", &body).await.data();
    shop.done(data["event_id"].as_i64().expect("an event"))
        .await;
}

async fn the_servers_of_an_environment_are_listed_and_tagged_like_any_other(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1", "tags": {"role": "front"}}]);
    let environment = scene.environment("shop", &nodes).await;
    let tokens = Shop::log_in(&scene.owner, "my@email.com").await;
    let customer = scene
        .owner
        .with_bearer(tokens["token"].as_str().expect("a token"));
    let list = customer.get("/v1/server/list").await.data();
    assert_eq!(list[0]["name"], "web");
    assert_eq!(list[0]["tags"], json!(["role=front"]));
    let id = list[0]["id"].to_string();
    let form = [("sub_ids[]", &*id), ("tags[]", "blue")];
    customer
        .form(Method::POST, "/v1/tags/create", &form)
        .await
        .data();
    let node = scene.find(&environment).await["nodes"][0].clone();
    assert_eq!(node["tags"], json!({"role": "front", "blue": ""}));
    let events = customer.get("/v1/event/list").await.data();
    assert_eq!(events[0]["event"], "VM.CREATE");
    // Destroyed here, it is gone there.
    let path = format!("/v1/server/{id}/destroy");
    customer.delete(&path).await.ok();
    scene
        .until(&environment, "the node to go", |shown| {
            shown["nodes"] == json!([])
        })
        .await;
}
