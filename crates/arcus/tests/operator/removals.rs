//! `arcus plan rm` and `arcus image rm`: what is removed is not sold any more, and who has it keeps it.

use serde_json::{Value, json};
use testkit::{Arcus, Builder, Database, Shop};

use crate::desk::{Past, balance, on, refused, said, table, with_the_database};

testkit::on_both_databases![
    a_plan_that_was_removed_is_not_sold_any_more,
    an_image_that_was_removed_is_not_sold_any_more,
    what_was_removed_of_the_defaults_stays_away,
    what_is_not_there_is_not_removed,
    a_change_in_the_last_place_of_a_price_is_a_change,
];

with_the_database![a_server_keeps_the_plan_and_the_image_that_were_removed];

fn slugs(arcus: &Arcus, noun: &str) -> Vec<Value> {
    let rows = table(arcus, &[noun, "ls"]);
    rows.iter().map(|row| row["SLUG"].clone()).collect()
}

async fn is_sold(shop: &Shop, path: &str, slug: &str) -> bool {
    let list = shop.customer.anonymous().get(path).await.data();
    let mut list = list.as_array().expect("an array").iter();
    list.any(|one| one["slug"] == slug)
}

/// Neither API makes a server of it, and each names it.
async fn is_refused(shop: &Shop, size: &str, image: &str, slug: &str) {
    let body = json!({"name": "more", "region": "ist2", "package": size, "image": image});
    let answer = shop.customer.post("/v1/server/create", &body).await;
    let why = answer.refusal(400);
    assert!(why.contains(slug), "{why}");
    let provider = shop.owner.add_provider("arcus").await;
    let nodes = json!([{"name": "web", "size": size, "image": image}]);
    let body =
        json!({"provider_id": provider, "region": "ist2", "environment": "x", "nodes": nodes});
    let why = shop
        .owner
        .post("/environments?wait=120", &body)
        .await
        .error(400);
    assert!(why.contains(slug), "{why}");
    assert_eq!(shop.arcus.calls("create"), 0);
}

async fn a_plan_that_was_removed_is_not_sold_any_more(builder: Builder) {
    let shop = Shop::open(builder).await;
    assert!(is_sold(&shop, "/v1/package/list", "eos2").await);
    let printed = said(&shop.arcus, &["plan", "rm", "eos2"]);
    assert_eq!(printed, "the plan eos2 was removed");
    assert!(!is_sold(&shop, "/v1/package/list", "eos2").await);
    assert!(!slugs(&shop.arcus, "plan").contains(&json!("eos2")));
    is_refused(&shop, "eos2", "debian-12", "eos2").await;
}

async fn an_image_that_was_removed_is_not_sold_any_more(builder: Builder) {
    let shop = Shop::open(builder).await;
    let path = "/v1/image/list?type=all";
    assert!(is_sold(&shop, path, "debian-13").await);
    let printed = said(&shop.arcus, &["image", "rm", "debian-13"]);
    assert_eq!(printed, "the image debian-13 was removed");
    assert!(!is_sold(&shop, path, "debian-13").await);
    assert!(!slugs(&shop.arcus, "image").contains(&json!("debian-13")));
    is_refused(&shop, "eos1", "debian-13", "debian-13").await;
}

async fn what_was_removed_of_the_defaults_stays_away(builder: Builder) {
    let mut arcus = builder.start().await;
    said(&arcus, &["plan", "rm", "eos1"]);
    said(&arcus, &["image", "rm", "debian-13"]);
    assert!(arcus.stop().await.success());
    arcus.restart().await;
    assert!(!slugs(&arcus, "plan").contains(&json!("eos1")));
    assert!(!slugs(&arcus, "image").contains(&json!("debian-13")));
    assert!(slugs(&arcus, "plan").contains(&json!("eos2")));
}

async fn what_is_not_there_is_not_removed(builder: Builder) {
    let arcus = builder.start().await;
    for noun in ["plan", "image", "region"] {
        let before = slugs(&arcus, noun);
        let why = refused(&arcus, &[noun, "rm", "nothing"]);
        assert!(why.contains(noun), "{why}");
        assert_eq!(slugs(&arcus, noun), before);
    }
}

async fn a_change_in_the_last_place_of_a_price_is_a_change(builder: Builder) {
    let arcus = builder.start().await;
    let add = ["plan", "add", "eos1"];
    said(&arcus, &[&add[..], &["--hourly=0.00001"]].concat());
    let printed = said(&arcus, &[&add[..], &["--hourly=0.00002"]].concat());
    let told = "the plan eos1 was changed: hourly: 0.00002 (was: 0.00001)";
    assert_eq!(printed, told);
}

async fn a_server_keeps_the_plan_and_the_image_that_were_removed(database: Database) {
    let shop = Shop::open(on(&database)).await;
    let web = shop.server("web").await;
    said(&shop.arcus, &["plan", "rm", "eos2"]);
    said(&shop.arcus, &["image", "rm", "debian-12"]);
    let shown = shop.shown(web).await;
    assert_eq!(
        (&shown["package"], &shown["image"]),
        (&json!("eos2"), &json!("debian-12"))
    );
    for verb in ["stop", "start", "reboot"] {
        let event = shop.asked(&format!("/v1/server/{web}/{verb}"), &[]).await;
        shop.done(event).await;
    }
    said(&shop.arcus, &["billing", "charge"]);
    let past = Past::of(&database, &shop.arcus);
    past.let_hours_go_by(web, 1).await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(balance(&shop).await, "24.97");
    // It may become what is sold, and what is sold may be put on it.
    let own = web.to_string();
    let form = [("id", &*own), ("package", "eos3")];
    let upgrade = shop.asked("/v1/server/upgrade_package", &form).await;
    shop.done(upgrade).await;
    let form = [("id", &*own), ("image", "debian-13")];
    let rebuild = shop.asked("/v1/server/refresh_install", &form).await;
    shop.done(rebuild).await;
    assert_eq!(shop.shown(web).await["image"], "debian-13");
}
