//! Keys that are named with a new server.

use serde_json::{Value, json};
use testkit::{Builder, Shop};

use crate::hands::at_cloud;

testkit::on_both_databases![a_key_that_is_named_a_thousand_times_is_let_in_once];

async fn a_key_that_is_named_a_thousand_times_is_let_in_once(builder: Builder) {
    let shop = Shop::open(builder).await;
    let public_key = shop.owner.get("/accounts/keys").await.ok()["public_key"].clone();
    let body = json!({"name": "mine", "public_key": public_key});
    shop.customer.post("/v1/sshkey/create", &body).await.data();
    let own = shop.customer.get("/v1/sshkey/list").await.data()["mine"]["fingerprint"].clone();
    let mut body = json!({
        "name": "web", "region": "ist2", "package": "eos1", "image": "debian-12", "ssh_keys": vec![own; 1000],
    });
    let path = "/v1/server/create";
    let answer = shop.customer.post(path, &body).await.data();
    shop.done(answer["event_id"].as_i64().expect("an event"))
        .await;
    let keys = at_cloud(&shop.arcus, "SELECT public_keys FROM instances").await;
    let keys: Value = serde_json::from_str(&keys[0]).expect("a list");
    // Beside the organisation's two.
    assert_eq!(keys.as_array().map(Vec::len), Some(3), "{keys}");
    let many: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
    body["ssh_keys"] = json!(many);
    let why = shop.customer.post(path, &body).await.refusal(400);
    assert!(why.contains("at most 200 keys"), "{why}");
}
