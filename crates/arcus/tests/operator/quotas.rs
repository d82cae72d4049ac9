//! `arcus customer quota` and `[quota]`: what is beyond a limit is refused with 403, through either API, and nothing of it
//! is made.

use serde_json::json;
use testkit::{Builder, Database, Shop};

use crate::desk::{
    has_environment, house, refused, row, said, shop_with, table, with_the_database,
};

testkit::on_both_databases![
    each_quota_refuses_the_server_that_is_beyond_it,
    an_upgrade_is_held_against_the_quotas_too,
    a_snapshot_beyond_the_quota_is_refused,
    an_environment_beyond_the_quota_is_refused_whole,
    a_quota_is_a_number_or_default,
];

with_the_database![general_limits_come_from_arcus_toml_and_a_customers_own_stand_above_them];

const QUOTA: [&str; 3] = ["customer", "quota", "company-name"];

/// Asks for a second server; what is said of it where it is refused.
async fn refused_server(shop: &Shop) -> String {
    let body = json!({"name": "more", "region": "ist2", "package": "eos2", "image": "debian-12"});
    let answer = shop.customer.post("/v1/server/create", &body).await;
    let why = answer.refusal(403);
    let listed = shop.customer.get("/v1/server/list").await.data();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(shop.arcus.calls("create"), 1);
    why
}

async fn each_quota_refuses_the_server_that_is_beyond_it(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.server("web").await;
    // What there is now, and what is said of more.
    for (quota, limit, told) in [
        ("servers", "1", "1 servers; it has 1, and 1 more"),
        ("cpus", "1", "1 processors; it has 1, and 1 more"),
        (
            "memory-mib",
            "2047",
            "2047 MiB of memory; it has 1024, and 1024 more",
        ),
        ("disk-gib", "79", "79 GiB of disk; it has 40, and 40 more"),
    ] {
        let set = format!("--{quota}={limit}");
        let listed = table(&shop.arcus, &[&QUOTA[..], &[&set]].concat());
        let set = row(&listed, "QUOTA", quota);
        assert_eq!(
            (&set["LIMIT"], &set["WHOSE"]),
            (&json!(limit), &json!("its own"))
        );
        let why = refused_server(&shop).await;
        assert!(why.contains(told), "{why}");
        let back = format!("--{quota}=default");
        let listed = table(&shop.arcus, &[&QUOTA[..], &[&back]].concat());
        assert_eq!(row(&listed, "QUOTA", quota)["WHOSE"], "default");
    }
    shop.server("more").await;
}

async fn an_upgrade_is_held_against_the_quotas_too(builder: Builder) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await;
    said(&shop.arcus, &[&QUOTA[..], &["--cpus=1"]].concat());
    let body = json!({"id": web, "package": "eos3"});
    let path = "/v1/server/upgrade_package";
    let why = shop.customer.post(path, &body).await.refusal(403);
    assert!(why.contains("1 processors"), "{why}");
    assert_eq!(shop.shown(web).await["package"], "eos2");
    assert_eq!(shop.arcus.calls("resize"), 0);
}

async fn a_snapshot_beyond_the_quota_is_refused(builder: Builder) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await.to_string();
    said(&shop.arcus, &[&QUOTA[..], &["--snapshots=1"]].concat());
    let path = "/v1/snapshot/create";
    let first = shop.asked(path, &[("id", &web), ("name", "first")]).await;
    shop.done(first).await;
    let body = json!({"id": web, "name": "second"});
    let why = shop.customer.post(path, &body).await.refusal(403);
    assert!(why.contains("1 snapshots; it has 1"), "{why}");
    let listed = shop.customer.get("/v1/snapshot/list").await.data();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
}

async fn an_environment_beyond_the_quota_is_refused_whole(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.server("web").await;
    let house = house(&shop).await;
    said(&shop.arcus, &[&QUOTA[..], &["--servers=2"]].concat());
    let mut body = json!({
        "provider_id": house, "region": "ist2", "environment": "production",
        "nodes": [{"name": "db", "size": "eos1"}, {"name": "cache", "size": "eos1"}],
    });
    let why = shop
        .owner
        .post("/environments?wait=120", &body)
        .await
        .error(403);
    assert!(why.contains("2 servers; it has 1, and 2 more"), "{why}");
    assert!(!has_environment(&shop, "production").await);
    assert_eq!(shop.arcus.calls("create"), 1);
    body["nodes"] = json!([{"name": "db", "size": "eos1"}]);
    let made = shop.owner.post("/environments?wait=120", &body).await.ok();
    // Nor by scaling up afterwards.
    let id = made["environment"].as_str().expect("an id");
    let more = json!({"name": "db", "count": 1});
    let path = format!("/environments/{id}/scale");
    shop.owner.post(&path, &more).await.error(403);
    assert_eq!(shop.arcus.calls("create"), 2);
}

async fn a_quota_is_a_number_or_default(builder: Builder) {
    let shop = Shop::open(builder).await;
    for wrong in [
        "--servers=-1",
        "--servers=many",
        "--servers=1.5",
        "--servers=99999999999",
    ] {
        let why = refused(&shop.arcus, &[&QUOTA[..], &[wrong]].concat());
        assert!(why.contains("write a number, or `default`"), "{why}");
    }
    let listed = table(&shop.arcus, &QUOTA);
    assert_eq!(row(&listed, "QUOTA", "servers")["WHOSE"], "default");
}

async fn general_limits_come_from_arcus_toml_and_a_customers_own_stand_above_them(
    database: Database,
) {
    let (shop, _folder) = shop_with(&database, "[quota]\nservers = 1\n").await;
    shop.server("web").await;
    let why = refused_server(&shop).await;
    assert!(why.contains("1 servers; it has 1"), "{why}");
    said(&shop.arcus, &[&QUOTA[..], &["--servers=2"]].concat());
    shop.server("more").await;
}
