//! Overcommit limits: of a region no more is sold than its operator lets be sold, to whomever and through whichever API.

use serde_json::{Value, json};
use testkit::{Builder, Shop};

use crate::desk::{destroy, has_environment, house, refused, row, said, table};

testkit::on_both_databases![
    a_region_sells_no_more_processors_than_it_may,
    a_region_sells_no_more_memory_than_it_may,
    a_region_sells_no_more_disk_than_it_may,
    a_limit_holds_for_upgrades_and_for_environments_too,
    a_limit_can_be_taken_back_and_is_a_number_above_0,
    a_report_of_the_capacity_tells_what_there_is_what_may_be_sold_and_what_is,
];

/// What the simulated machines have. An `eos3` has 2 processors, 2048 MiB and 60 GiB, an `eos1` 1, 1024 and 20: one of each
/// is all that may be sold of anything, at one and a half times this.
const MACHINES: [&str; 3] = [
    "capacity_cpus=2",
    "capacity_memory_mib=2048",
    "capacity_disk_gib=54",
];

/// A shop whose region `tight` has those limits from its first moment on.
async fn shop(builder: Builder, limits: &[&str]) -> Shop {
    let shop = Shop::open(builder).await;
    shop.arcus.faults(&MACHINES);
    let add = ["region", "add", "tight", "--cloud=sandbox"];
    said(&shop.arcus, &[&add[..], limits].concat());
    shop
}

fn wanted(package: &str) -> Value {
    json!({"name": package, "region": "tight", "package": package, "image": "debian-12"})
}

async fn buy_here(shop: &Shop, package: &str) -> i64 {
    let path = "/v1/server/create";
    let data = shop.customer.post(path, &wanted(package)).await.data();
    let ended = shop.done(data["event_id"].as_i64().expect("an event"));
    ended.await["subscription_id"].as_i64().expect("an id")
}

/// Refused, and told nothing of the operator's machines; nothing is made.
async fn is_sold_out(shop: &Shop, package: &str) {
    let before = (
        shop.customer.get("/v1/server/list").await.data(),
        shop.arcus.calls("create"),
    );
    let path = "/v1/server/create";
    let why = shop
        .customer
        .post(path, &wanted(package))
        .await
        .refusal(403);
    assert!(why.contains("the region \"tight\" has no room"), "{why}");
    assert!(!why.contains(|c: char| c.is_ascii_digit()), "{why}");
    let after = (
        shop.customer.get("/v1/server/list").await.data(),
        shop.arcus.calls("create"),
    );
    assert_eq!(before, after);
}

/// One of each fits, a second of the larger does not, nor anything once all is sold.
async fn one_of_each_is_sold(builder: Builder, limit: &str) {
    let shop = shop(builder, &[limit]).await;
    let large = buy_here(&shop, "eos3").await;
    is_sold_out(&shop, "eos3").await;
    buy_here(&shop, "eos1").await;
    is_sold_out(&shop, "eos1").await;
    // Elsewhere there is room, and here as soon as something is gone.
    shop.server("elsewhere").await;
    destroy(&shop.customer, large).await;
    buy_here(&shop, "eos3").await;
}

async fn a_region_sells_no_more_processors_than_it_may(builder: Builder) {
    one_of_each_is_sold(builder, "--overcommit-cpus=1.5").await;
}

async fn a_region_sells_no_more_memory_than_it_may(builder: Builder) {
    one_of_each_is_sold(builder, "--overcommit-memory=1.5").await;
}

async fn a_region_sells_no_more_disk_than_it_may(builder: Builder) {
    // 81 GiB: one of each takes 80.
    one_of_each_is_sold(builder, "--overcommit-disk=1.5").await;
}

async fn a_limit_holds_for_upgrades_and_for_environments_too(builder: Builder) {
    let shop = shop(builder, &["--overcommit-cpus=1"]).await;
    let web = buy_here(&shop, "eos1").await;
    let house = house(&shop).await;
    let mut body = json!({
        "provider_id": house, "region": "tight", "environment": "production",
        "nodes": [{"name": "db", "size": "eos1", "count": 2}],
    });
    let why = shop
        .owner
        .post("/environments?wait=120", &body)
        .await
        .error(403);
    assert!(why.contains("has no room"), "{why}");
    assert!(!has_environment(&shop, "production").await);
    assert_eq!(shop.arcus.calls("create"), 1);
    body["nodes"][0]["count"] = json!(1);
    shop.owner.post("/environments?wait=120", &body).await.ok();

    let upgrade = json!({"id": web, "package": "eos3"});
    let path = "/v1/server/upgrade_package";
    let why = shop.customer.post(path, &upgrade).await.refusal(403);
    assert!(why.contains("has no room"), "{why}");
    assert_eq!(shop.shown(web).await["package"], "eos1");
}

async fn a_limit_can_be_taken_back_and_is_a_number_above_0(builder: Builder) {
    let shop = shop(builder, &["--overcommit-cpus=0.5"]).await;
    is_sold_out(&shop, "eos3").await;
    let add = ["region", "add", "tight"];
    for wrong in [
        "--overcommit-cpus=-1",
        "--overcommit-memory=NaN",
        "--overcommit-disk=inf",
    ] {
        let why = refused(&shop.arcus, &[&add[..], &[wrong]].concat());
        assert!(
            why.contains("above 0; nothing was changed"),
            "{wrong}: {why}"
        );
    }
    let printed = said(&shop.arcus, &[&add[..], &["--overcommit-cpus=0"]].concat());
    let told = "the region tight was changed: overcommit-cpus: none (was: 0.5)";
    assert_eq!(printed, told);
    buy_here(&shop, "eos3").await;
}

async fn a_report_of_the_capacity_tells_what_there_is_what_may_be_sold_and_what_is(
    builder: Builder,
) {
    let limits = ["--overcommit-cpus=1.5", "--overcommit-disk=2"];
    let shop = shop(builder, &limits).await;
    buy_here(&shop, "eos3").await;
    let report = table(&shop.arcus, &["report", "capacity"]);
    let tight: Vec<_> = report
        .iter()
        .filter(|row| row["REGION"] == "tight")
        .collect();
    let told =
        |row: &&Value| json!(["WHAT", "HAS", "MAY BE SOLD", "SOLD"].map(|name| row[name].clone()));
    let told: Vec<_> = tight.iter().map(told).collect();
    let expected = json!([
        ["cpus", "2", "3", "2"],
        ["memory-mib", "2048", "no limit", "2048"],
        ["disk-gib", "54", "108", "60"],
    ]);
    assert_eq!(json!(told), expected);
    let other = row(&report, "REGION", "ist2");
    assert_eq!(
        other["SOLD"], "0",
        "what is sold of one is not sold of another"
    );
}
