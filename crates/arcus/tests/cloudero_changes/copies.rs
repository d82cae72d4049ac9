//! Servers that are made from snapshots, and what becomes of their originals meanwhile.

use serde_json::json;
use testkit::{Builder, Shop, wait};

use crate::hands::{PATIENCE, at_cloud, destroy, path, refused, snapshot};

testkit::on_both_databases![
    a_server_is_destroyed_when_the_copy_that_was_asked_for_before_is_there,
    a_server_does_not_wait_for_a_copy_that_is_to_go_as_well,
    no_copy_begins_of_a_server_that_is_being_destroyed,
    a_snapshot_is_its_own_servers_and_no_others,
];

/// Asks for a copy whose making the cloud puts off, for some seconds yet when it could go on.
async fn copied_late(shop: &Shop, snapshot: &str) -> i64 {
    shop.arcus.faults(&["unavailable=1"]);
    let form = [
        ("name", "copy"),
        ("package", "eos2"),
        ("snapshot_id", snapshot),
    ];
    let event = shop.asked("/v1/server/create_from_snapshot", &form).await;
    let ledger = shop.arcus.ledger().await;
    wait::until("some tries in vain", PATIENCE, || async {
        let operations = ledger.read().await.operations;
        let making = operations.iter().find(|one| one.id == event)?;
        let tries = making.events.iter().filter(|one| one.step == "retry");
        (tries.count() >= 4).then_some(())
    })
    .await;
    event
}

async fn a_server_is_destroyed_when_the_copy_that_was_asked_for_before_is_there(builder: Builder) {
    let shop = Shop::open(builder).await;
    let original = shop.server("web").await;
    let before = snapshot(&shop, original, "before").await;
    let disk = at_cloud(&shop.arcus, "SELECT disk FROM instances").await;
    let copy = copied_late(&shop, &before).await;
    shop.arcus.faults(&["unavailable=0"]);
    let end = destroy(&shop, original).await;
    let made = shop.done(copy).await;
    shop.done(end).await;
    let living = "SELECT disk FROM instances WHERE goal <> 'terminated'";
    assert_eq!(at_cloud(&shop.arcus, living).await, disk);
    let id = made["subscription_id"].as_i64().expect("an id");
    assert_eq!(shop.shown(id).await["state"], "Running");
}

async fn a_server_does_not_wait_for_a_copy_that_is_to_go_as_well(builder: Builder) {
    let shop = Shop::open(builder).await;
    let original = shop.server("web").await;
    let before = snapshot(&shop, original, "before").await;
    let copy = copied_late(&shop, &before).await;
    let event = shop.customer.get(&format!("/v1/event/{copy}")).await.data();
    let copy = event["subscription_id"].as_i64().expect("an id");
    let ends = [destroy(&shop, original).await, destroy(&shop, copy).await];
    shop.arcus.faults(&["unavailable=0"]);
    for end in ends {
        shop.done(end).await;
    }
    assert_eq!(shop.arcus.instances(), Vec::<serde_json::Value>::new());
}

async fn no_copy_begins_of_a_server_that_is_being_destroyed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let original = shop.server("web").await;
    let before = snapshot(&shop, original, "before").await;
    shop.arcus.faults(&["unavailable=1"]);
    let end = destroy(&shop, original).await;
    let form = [
        ("name", "copy"),
        ("package", "eos2"),
        ("snapshot_id", &*before),
    ];
    let why = refused(&shop, "/v1/server/create_from_snapshot", &form, 409).await;
    assert!(why.contains("being destroyed"), "{why}");
    shop.arcus.faults(&["unavailable=0"]);
    shop.done(end).await;
    refused(&shop, "/v1/server/create_from_snapshot", &form, 404).await;
    assert_eq!(shop.customer.get("/v1/server/list").await.data(), json!([]));
}

async fn a_snapshot_is_its_own_servers_and_no_others(builder: Builder) {
    let shop = Shop::open(builder).await;
    let (web, db) = (shop.server("web").await, shop.server("db").await);
    let before = snapshot(&shop, web, "before").await;
    let form = [
        ("name", "copy"),
        ("package", "eos2"),
        ("snapshot_id", &*before),
    ];
    let verb = "create_from_snapshot";
    let why = refused(&shop, &path(db, verb), &form, 404).await;
    assert_eq!(why, "no such snapshot");
    let event = shop.asked(&path(web, verb), &form).await;
    shop.done(event).await;
}
