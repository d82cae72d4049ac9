//! SSH keys, and what layer 2 and layer 1 see of one another's servers.

use serde_json::json;
use testkit::{Builder, Method, Scene, Shop, assert_shape};

use crate::printed::curl;

testkit::on_both_databases![
    keys_are_created_listed_renamed_and_destroyed_as_printed,
    the_key_in_the_documentation_is_damaged_and_refused,
    a_server_made_with_a_key_that_is_not_there_is_refused,
    the_servers_of_an_environment_are_listed_and_tagged_like_any_other,
];

/// The key that the documentation's list prints, with its fingerprint.
const KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAABJQAAAQEAjNDpbHYrC/lmboOnkeOPDzrdoLM0A44M+VpzZuc4I9778zlapZxJ5irdXwwH8E+Bq1VdvWZDTgEKKT5RBgw200zmKlgsrSLQpOb10qWW26EUpQu3gJgt/oJzMADoJuj5+F6b3v4/rwXs8EwRO5O3hT5+XuOWTsvRVQomLcOe7R2t3HT01eggyvswwAR7IEsynazCQr0FVM3UQ5dlk44Z+zjg9BMqPFMxFWHxFskiRMtQLEKEvJDLG8qDLc+mMV7P8kRAGeNnc7U5Zf4hC+o5ZUdCDqJMKQodkWiR57IB0oxu9PJz40zjlkApzABRQyhUVZnCVX78HgV8BKwmDjuFfw== rsa-key-20180621";
const FINGERPRINT: &str = "d3:b7:6f:c7:c4:93:6e:35:5d:93:52:4a:3b:84:72:9d";

async fn keys_are_created_listed_renamed_and_destroyed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let done = json!({"status": "success", "data": true, "message": null});
    let form = [("name", "SSHTest"), ("public_key", KEY)];
    let created = shop
        .customer
        .form(Method::POST, "/v1/sshkey/create", &form)
        .await;
    assert_eq!(created.ok(), done);
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/sshkey/list" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;
    let list = curl(&shop.customer, printed, &[]).await.data();
    let key = json!({"name": "SSHTest", "public_key": KEY, "fingerprint": FINGERPRINT});
    assert_shape(&list, &json!({ "SSHTest": key }));
    assert_eq!(list["SSHTest"]["public_key"], KEY);
    let own = list["SSHTest"]["fingerprint"]
        .as_str()
        .expect("a fingerprint")
        .to_owned();
    let encoded = own.replace(':', "%3A");
    let printed = r#"curl --location --request PUT "https://api.cloude.ro/v1/sshkey/update" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "fingerprint=c2%3A1b%3Afe%3Aa4%3A90%3A4f%3A6a%3A4f%3A11%3Aa4%3A07%3A26%3A78%3A3b%3Ad6%3Aee&name=SSTest2""#;
    let theirs = "c2%3A1b%3Afe%3Aa4%3A90%3A4f%3A6a%3A4f%3A11%3Aa4%3A07%3A26%3A78%3A3b%3Ad6%3Aee";
    curl(&shop.customer, printed, &[]).await.refusal(404);
    let renamed = curl(&shop.customer, printed, &[(theirs, &encoded)]).await;
    assert_eq!(renamed.ok(), done);
    // Twice the same key, or another of that name.
    let again = shop
        .customer
        .form(Method::POST, "/v1/sshkey/create", &form)
        .await;
    again.refusal(409);
    let printed = r#"curl --location --request DELETE "https://api.cloude.ro/v1/sshkey/destroy" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "fingerprint=c2%3A1b%3Afe%3Aa4%3A90%3A4f%3A6a%3A4f%3A11%3Aa4%3A07%3A26%3A78%3A3b%3Ad6%3Aee""#;
    let destroyed = curl(&shop.customer, printed, &[(theirs, &encoded)]).await;
    assert_eq!(destroyed.ok(), done);
    assert_eq!(shop.customer.get("/v1/sshkey/list").await.data(), json!({}));
}

/// Its first letters are one too many, and its end is missing.
async fn the_key_in_the_documentation_is_damaged_and_refused(builder: Builder) {
    let shop = Shop::open(builder).await;
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/sshkey/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "name=Test%20SSHKey&public_key=ssh-rsa%20AAAAAB3NzaC1yc2EAAAADAQABAAQAC06Jt7Pvc5GfUuHdwIZQo42ynRC1puBw9J9z3M3NTJ+1y/USxJcWRsaCPvzt/UCX9KU""#;
    let message = curl(&shop.customer, printed, &[]).await.refusal(400);
    assert!(message.contains("SSH public key"), "{message}");
    // With an intact key in its place it is taken.
    let damaged = "ssh-rsa%20AAAAAB3NzaC1yc2EAAAADAQABAAQAC06Jt7Pvc5GfUuHdwIZQo42ynRC1puBw9J9z3M3NTJ+1y/USxJcWRsaCPvzt/UCX9KU";
    let intact = KEY
        .replace(' ', "%20")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let answer = curl(&shop.customer, printed, &[(damaged, &intact)])
        .await
        .ok();
    assert_eq!(answer["data"], true);
    let list = shop.customer.get("/v1/sshkey/list").await.data();
    assert_eq!(list["Test SSHKey"]["public_key"], KEY);
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
