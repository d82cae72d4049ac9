//! Reboots and passwords go by what a server is doing; and its end, whatever its name.

use serde_json::json;
use testkit::{Builder, Method, Shop};

use crate::hands::{destroy, node, path, refused};

testkit::on_both_databases![
    a_server_that_is_off_is_started_by_a_reboot_and_meant_to_run_from_then_on,
    a_password_is_set_where_the_server_runs_when_its_turn_comes,
    a_server_that_keeps_its_name_at_the_cloud_is_destroyed_all_the_same,
];

async fn a_server_that_is_off_is_started_by_a_reboot_and_meant_to_run_from_then_on(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    for verb in ["stop", "reboot"] {
        let event = shop.asked(&path(id, verb), &[]).await;
        shop.done(event).await;
    }
    assert_eq!(shop.shown(id).await["state"], "Running");
    let records = shop.arcus.ledger().await.read().await;
    assert_eq!(records.servers[0].desired, "running");
    password(&shop, id).await;
}

async fn a_password_is_set_where_the_server_runs_when_its_turn_comes(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["latency_ms=300"]);
    let stop = shop.asked(&path(id, "stop"), &[]).await;
    let why = refused(&shop, &path(id, "change_password"), &[], 409).await;
    assert!(why.contains("start it first"), "{why}");
    let start = shop.asked(&path(id, "start"), &[]).await;
    password(&shop, id).await;
    shop.done(stop).await;
    shop.done(start).await;
}

async fn password(shop: &Shop, id: i64) {
    let path = path(id, "change_password");
    let answer = shop.customer.form(Method::POST, &path, &[]).await.data();
    shop.done(answer["event_id"].as_i64().expect("an event"))
        .await;
}

async fn a_server_that_keeps_its_name_at_the_cloud_is_destroyed_all_the_same(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    node(&shop, json!([]), json!({})).await;
    shop.arcus.faults(&["reject_rename=true"]);
    let event = destroy(&shop, id).await;
    shop.done(event).await;
    let left = shop.arcus.instances();
    assert_eq!(left.len(), 1, "{left:?}");
    // And its owner is told of the name that it has.
    let name = left[0]["name"].as_str().expect("a name");
    let all = shop.owner.get("/environments").await.ok();
    let all = all.as_array().expect("an array").iter();
    let mut of_nodes = all.filter(|environment| environment["name"] == "production");
    let id = of_nodes.next().expect("is listed")["id"].clone();
    let path = format!("/environments/{}?wait=60", id.as_str().expect("an id"));
    let done = shop.owner.delete(&path).await;
    assert!(
        done.text.contains(&format!("\"newname\":\"{name}\"")),
        "{}",
        done.text
    );
}
