//! What is asked for while another plan is on its way.

use serde_json::json;
use testkit::{Builder, Shop};

use crate::hands::{path, refused, snapshot};

testkit::on_both_databases![
    a_plan_is_held_against_the_one_that_the_server_is_about_to_have,
    a_snapshot_of_a_larger_disk_than_the_plan_has_is_not_restored,
    a_server_that_does_not_start_with_the_new_plan_runs_with_its_former_one_again,
    a_server_that_does_not_start_with_its_former_plan_either_is_shown_off_with_both_reasons,
];

async fn a_plan_is_held_against_the_one_that_the_server_is_about_to_have(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let upgrade = path(id, "upgrade_package");
    shop.arcus.faults(&["unavailable=1"]);
    let first = shop.asked(&upgrade, &[("package", "eos4")]).await;
    let why = refused(&shop, &upgrade, &[("package", "eos4")], 400).await;
    assert!(why.contains("already"), "{why}");
    let form = [("package", "eos3"), ("type", "upgrade")];
    let why = refused(&shop, &upgrade, &form, 400).await;
    assert!(why.contains("no upgrade"), "{why}");
    // What it has now is less than what it is about to have.
    shop.arcus.faults(&["unavailable=0"]);
    let form = [("package", "eos2"), ("type", "downgrade")];
    let back = shop.asked(&upgrade, &form).await;
    shop.done(first).await;
    shop.done(back).await;
    assert_eq!(shop.shown(id).await["package"], "eos2");
}

async fn a_snapshot_of_a_larger_disk_than_the_plan_has_is_not_restored(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let (change, restore) = (
        path(id, "upgrade_package"),
        path(id, "restore_from_snapshot"),
    );
    let larger = shop.asked(&change, &[("package", "eos3")]).await;
    shop.done(larger).await;
    let before = snapshot(&shop, id, "before").await;
    let form = [("snapshot_id", &*before)];
    shop.arcus.faults(&["latency_ms=500"]);
    let smaller = shop.asked(&change, &[("package", "eos2")]).await;
    // Already when it is only about to be smaller.
    let why = refused(&shop, &restore, &form, 400).await;
    assert!(why.contains("60 GB") && why.contains("40 GB"), "{why}");
    shop.arcus.faults(&["latency_ms=0"]);
    shop.done(smaller).await;
    refused(&shop, &restore, &form, 400).await;
    let larger = shop.asked(&change, &[("package", "eos3")]).await;
    // And no more when it is only about to be larger again.
    let restore = shop.asked(&restore, &form).await;
    shop.done(larger).await;
    shop.done(restore).await;
}

async fn a_server_that_does_not_start_with_the_new_plan_runs_with_its_former_one_again(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["unstartable=eos4"]);
    let event = shop
        .asked(&path(id, "upgrade_package"), &[("package", "eos4")])
        .await;
    let ended = shop.ended(event).await;
    assert_eq!(ended["status"], -1, "{ended}");
    let why = ended["error"].as_str().expect("it says why");
    assert!(why.contains("no room for eos4"), "{why}");
    assert!(why.contains("former plan again"), "{why}");
    let shown = shop.shown(id).await;
    assert_eq!(
        (&shown["package"], &shown["state"]),
        (&json!("eos2"), &json!("Running")),
        "{shown}"
    );
    let at_cloud = shop.arcus.instances();
    assert_eq!(at_cloud[0]["plan"], "eos2", "{at_cloud:?}");
    // And costs what it did.
    let list = shop.customer.get("/v1/package/list").await.data();
    let plans = list.as_array().expect("an array");
    let plan = plans.iter().find(|plan| plan["slug"] == "eos2");
    assert_eq!(shown["price"], plan.expect("is listed")["price"], "{list}");
}

async fn a_server_that_does_not_start_with_its_former_plan_either_is_shown_off_with_both_reasons(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["unstartable=all"]);
    let event = shop
        .asked(&path(id, "upgrade_package"), &[("package", "eos4")])
        .await;
    let ended = shop.ended(event).await;
    let why = ended["error"].as_str().expect("it says why");
    assert!(why.contains("no room for eos4"), "{why}");
    assert!(why.contains("no room for eos2"), "{why}");
    let shown = shop.shown(id).await;
    assert_eq!(
        (&shown["package"], &shown["state"]),
        (&json!("eos2"), &json!("Stopped")),
        "{shown}"
    );
}
