//! Adding an account at a public cloud, listing accounts, and what one sells.

use serde_json::{Value, json};
use testkit::digital_ocean::StandIn as Ocean;
use testkit::{Builder, assert_shape};

use super::stage::{Cloud, Stage};
use crate::printed::{curl, is_id};
use crate::providers::{LIST, META};
use crate::secrets::masked;

testkit::on_both_databases![
    an_account_at_amazon_is_added_as_printed,
    an_account_at_digital_ocean_is_added_as_printed,
    accounts_at_amazon_are_listed_as_printed_with_their_secrets_masked,
    accounts_at_digital_ocean_are_listed_with_their_token_masked,
    what_amazon_sells_is_answered_as_printed,
    what_digital_ocean_sells_is_answered_as_printed,
];

/// As both documentations print it.
fn added_at_amazon() -> Value {
    json!([{
        "provider_meta": {
            "secretKey": "XR1+CRk9/YlD5jRS0rJod09ds9N5xT+EUsiUAFw",
            "accessKey": "AKIAkK0kkBNK3TdSFZGGA",
        },
        "name": "my-provider",
        "organisation": "56dd5e9610d396503e2a6ab6",
        "id": "56dd617610d396503e2a6ab9",
        "provider_type": "ec2",
    }])
}

fn added_at_digital_ocean() -> Value {
    json!({
        "provider_meta": {
            "access_token": "56db164f10d396351aa949400200e56ded3d210d396176558b9b56",
        },
        "name": "default",
        "organisation": "56db164f10d396351aa94940",
        "id": "56ded3d210d396176558b9b5",
        "provider_type": "digital_ocean",
    })
}

/// Holds what was answered of one account against what was sent.
fn assert_added(stage: &Stage, added: &Value, name: &str) {
    assert_eq!(
        added["provider_meta"],
        stage.cloud.credentials(),
        "it is echoed"
    );
    assert_eq!(added["name"], name);
    assert_eq!(added["provider_type"], stage.cloud.kind());
    assert!(
        is_id(&added["id"]) && is_id(&added["organisation"]),
        "{added}"
    );
}

async fn an_account_at_amazon_is_added_as_printed(builder: Builder) {
    let Some(moto) = Cloud::moto() else { return };
    let stage = Stage::set(builder, moto).await;
    let added = stage.add("my-provider").await;
    assert_shape(&added, &added_at_amazon());
    assert_eq!(added.as_array().expect("an array").len(), 1, "{added}");
    assert_added(&stage, &added[0], "my-provider");
}

async fn an_account_at_digital_ocean_is_added_as_printed(builder: Builder) {
    let stage = Stage::set(builder, Cloud::DigitalOcean(Ocean::start())).await;
    let added = stage.add("default").await;
    assert_shape(&added, &added_at_digital_ocean());
    assert_added(&stage, &added, "default");
}

/// Adds two accounts of the printed names and returns the list, in which no secret is readable.
async fn listed(stage: &Stage) -> Value {
    let mut ids = Vec::new();
    for name in ["default", "second-provider"] {
        let added = stage.add(name).await;
        ids.push(added.get(0).unwrap_or(&added)["id"].clone());
    }
    let answer = curl(&stage.client, LIST, &[]).await;
    let credentials = stage.cloud.credentials();
    for (name, secret) in credentials.as_object().expect("an object") {
        let secret = secret.as_str().expect("a text");
        assert!(!answer.text.contains(secret), "{}", answer.text);
        let shown = &answer.body[stage.cloud.kind()];
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(shown[index]["id"], *id);
            assert_eq!(shown[index]["provider_meta"][name], masked(secret));
        }
    }
    answer.ok()
}

async fn accounts_at_amazon_are_listed_as_printed_with_their_secrets_masked(builder: Builder) {
    let Some(moto) = Cloud::moto() else { return };
    let stage = Stage::set(builder, moto).await;
    let listed = listed(&stage).await;
    // What is printed has one key twice, and means the two of an array.
    assert_shape(&listed, &json!({"ec2": added_at_amazon()}));
    assert_eq!(
        listed["ec2"].as_array().expect("an array").len(),
        2,
        "{listed}"
    );
    assert_eq!(listed["ec2"][0]["name"], "default");
    assert_eq!(listed["ec2"][1]["name"], "second-provider");
}

async fn accounts_at_digital_ocean_are_listed_with_their_token_masked(builder: Builder) {
    let stage = Stage::set(builder, Cloud::DigitalOcean(Ocean::start())).await;
    let listed = listed(&stage).await;
    assert_shape(
        &listed,
        &json!({"digital_ocean": [added_at_digital_ocean()]}),
    );
}

/// What the account sells, each region and size of it as it is printed.
async fn sold(stage: &Stage) -> Value {
    let added = stage.add("my-provider").await;
    let id = added.get(0).unwrap_or(&added)["id"]
        .as_str()
        .expect("an id");
    let meta = curl(&stage.client, META, &[("cloud_provider_id", id)])
        .await
        .ok();
    let region = json!({"endpoint": "ec2.us-east-1.amazonaws.com", "name": "us-east-1"});
    let size = json!({"cores": "2", "disk": "SSD (1 x 32)", "ram": "7.5 GiB", "id": "m3.large"});
    for location in meta["locations"].as_object().expect("an object").values() {
        assert_shape(location, &region);
    }
    for sizes in meta["sizes"].as_object().expect("an object").values() {
        for (slug, shown) in sizes.as_object().expect("an object") {
            assert_shape(shown, &size);
            assert_eq!(shown["id"], *slug);
        }
    }
    meta
}

async fn what_amazon_sells_is_answered_as_printed(builder: Builder) {
    let Some(moto) = Cloud::moto() else { return };
    let stage = Stage::set(builder, moto).await;
    let meta = sold(&stage).await;
    // All of the printed regions; the printed sizes that Amazon still sells are in the printed family.
    for region in [
        "us-east-1",
        "ap-northeast-1",
        "eu-west-1",
        "ap-northeast-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "us-west-2",
        "us-west-1",
        "eu-central-1",
        "sa-east-1",
    ] {
        assert_eq!(
            meta["locations"][region]["name"], region,
            "{}",
            meta["locations"]
        );
        let endpoint = format!("ec2.{region}.amazonaws.com");
        assert_eq!(meta["locations"][region]["endpoint"], endpoint);
    }
    let general = &meta["sizes"]["General Purpose"];
    for (size, cores, ram) in [
        ("t2.micro", "1", "1 GiB"),
        ("t2.small", "1", "2 GiB"),
        ("m4.large", "2", "8 GiB"),
    ] {
        assert_eq!(general[size]["cores"], cores, "{size}");
        assert_eq!(general[size]["ram"], ram, "{size}");
    }
}

async fn what_digital_ocean_sells_is_answered_as_printed(builder: Builder) {
    let stage = Stage::set(builder, Cloud::DigitalOcean(Ocean::start())).await;
    let meta = sold(&stage).await;
    assert_eq!(meta["locations"]["fra1"]["name"], "Frankfurt 1");
    let mut sizes = meta["sizes"].as_object().expect("an object").values();
    let size = sizes
        .find_map(|sizes| sizes.get("s-1vcpu-1gb"))
        .expect("is sold");
    assert_eq!(
        (&size["cores"], &size["ram"]),
        (&json!("1"), &json!("1 GiB"))
    );
}
