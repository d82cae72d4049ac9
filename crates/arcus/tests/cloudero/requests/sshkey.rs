//! Adding, listing, renaming and forgetting keys.

use serde_json::json;
use testkit::{Builder, Method, Shop, assert_shape};

use super::done;
use crate::curls::{KEY_CREATE, KEY_DESTROY, KEY_UPDATE, KEYS};
use crate::keys_and_tags::{FINGERPRINT, KEY};
use crate::printed::curl;

testkit::on_both_databases![
    the_key_in_the_documentation_is_damaged_and_refused,
    an_intact_key_in_its_place_is_taken,
    keys_are_listed_as_printed,
    a_key_is_renamed_as_printed,
    a_key_is_destroyed_as_printed,
];

/// What the documentation sends for a key. Its first letters are one too many, and its end is missing.
const DAMAGED: &str = "ssh-rsa%20AAAAAB3NzaC1yc2EAAAADAQABAAQAC06Jt7Pvc5GfUuHdwIZQo42ynRC1puBw9J9z3M3NTJ+1y/USxJcWRsaCPvzt/UCX9KU";

/// The fingerprint that the documentation sends.
const SENT: &str = "c2%3A1b%3Afe%3Aa4%3A90%3A4f%3A6a%3A4f%3A11%3Aa4%3A07%3A26%3A78%3A3b%3Ad6%3Aee";

/// Adds a key; its fingerprint as a form has it.
async fn add(shop: &Shop) -> String {
    let form = [("name", "SSHTest"), ("public_key", KEY)];
    let path = "/v1/sshkey/create";
    let created = shop.customer.form(Method::POST, path, &form).await;
    assert_eq!(created.ok(), done());
    let list = shop.customer.get("/v1/sshkey/list").await.data();
    let fingerprint = list["SSHTest"]["fingerprint"].as_str();
    fingerprint.expect("a fingerprint").replace(':', "%3A")
}

async fn the_key_in_the_documentation_is_damaged_and_refused(builder: Builder) {
    let shop = Shop::open(builder).await;
    let message = curl(&shop.customer, KEY_CREATE, &[]).refusal(400);
    assert!(message.contains("SSH public key"), "{message}");
    assert_eq!(shop.customer.get("/v1/sshkey/list").await.data(), json!({}));
}

async fn an_intact_key_in_its_place_is_taken(builder: Builder) {
    let shop = Shop::open(builder).await;
    let intact = KEY
        .replace(' ', "%20")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let answer = curl(&shop.customer, KEY_CREATE, &[(DAMAGED, &intact)]).ok();
    assert_eq!(answer, done());
    let list = shop.customer.get("/v1/sshkey/list").await.data();
    assert_eq!(list["Test SSHKey"]["public_key"], KEY);
}

async fn keys_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    add(&shop).await;
    let list = curl(&shop.customer, KEYS, &[]).ok();
    let key = json!({"name": "SSHTest", "public_key": KEY, "fingerprint": FINGERPRINT});
    let printed = json!({"status": "success", "data": {"SSHTest": key}, "message": null});
    assert_shape(&list, &printed);
    assert_eq!(list["data"]["SSHTest"]["name"], "SSHTest");
    assert_eq!(list["data"]["SSHTest"]["public_key"], KEY);
}

async fn a_key_is_renamed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let own = add(&shop).await;
    curl(&shop.customer, KEY_UPDATE, &[]).refusal(404);
    let renamed = curl(&shop.customer, KEY_UPDATE, &[(SENT, &own)]);
    assert_eq!(renamed.ok(), done());
    let list = shop.customer.get("/v1/sshkey/list").await.data();
    assert_eq!(list["SSTest2"]["public_key"], KEY);
    assert_eq!(list.as_object().map(serde_json::Map::len), Some(1));
}

async fn a_key_is_destroyed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let own = add(&shop).await;
    curl(&shop.customer, KEY_DESTROY, &[]).refusal(404);
    let destroyed = curl(&shop.customer, KEY_DESTROY, &[(SENT, &own)]);
    assert_eq!(destroyed.ok(), done());
    assert_eq!(shop.customer.get("/v1/sshkey/list").await.data(), json!({}));
}
