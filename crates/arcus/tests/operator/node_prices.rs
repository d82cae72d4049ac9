//! What the nodes of environments cost: in the operator's regions what any server costs, on a customer's own cloud account
//! nothing.

use serde_json::{Value, json};
use testkit::{Database, Shop, wait};

use crate::desk::{PATIENCE, Past, balance, house, on, row, said, table, with_the_database};

with_the_database![
    a_node_in_the_operators_region_is_charged_like_any_server,
    what_is_due_is_charged_without_anybodys_asking,
    a_node_that_is_upgraded_costs_its_new_price_from_the_next_hour_on,
    a_node_on_the_customers_own_account_is_listed_and_never_charged,
    a_new_price_of_a_plan_is_for_the_servers_to_come,
];

/// Makes an environment of one node, `web`, of the size `eos2`; the node's id among the servers.
async fn node(shop: &Shop, provider: &str, region: &str) -> i64 {
    let nodes = json!([{"name": "web", "size": "eos2", "tags": {"role": "front"}}]);
    let body = json!({
        "provider_id": provider, "region": region, "environment": "production", "nodes": nodes,
    });
    let made = shop.owner.post("/environments?wait=120", &body).await.ok();
    assert_eq!(made["ready"], true, "{made}");
    let web = listed(shop, "web").await;
    assert_eq!(web["package"], "eos2");
    assert_eq!(web["region"], region);
    assert_eq!(web["tags"], json!(["role=front"]));
    web["id"].as_i64().expect("an id")
}

async fn listed(shop: &Shop, name: &str) -> Value {
    let list = shop.customer.get("/v1/server/list").await.data();
    row(list.as_array().expect("an array"), "name", name)
}

/// The amounts of all charges, the newest first.
async fn charges(shop: &Shop) -> Value {
    let all = shop.customer.get("/v1/transaction/list").await.data();
    let all = all.as_array().expect("an array").iter();
    let charges = all.filter(|one| one["type"] == "charge");
    charges.map(|one| one["amount"].clone()).collect()
}

async fn a_node_in_the_operators_region_is_charged_like_any_server(database: Database) {
    let shop = Shop::open(on(&database)).await;
    let provider = house(&shop).await;
    let web = node(&shop, &provider, "ist2").await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(charges(&shop).await, json!(["-0.015"]));
    assert_eq!(balance(&shop).await, "24.985");
    let past = Past::of(&database, &shop.arcus);
    past.let_hours_go_by(web, 3).await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(charges(&shop).await, json!(["-0.045", "-0.015"]));
    assert_eq!(balance(&shop).await, "24.94");
    let report = table(&shop.arcus, &["report", "capacity"]);
    let sold = report
        .iter()
        .find(|row| row["REGION"] == "ist2" && row["WHAT"] == "cpus");
    assert_eq!(sold.expect("the region")["SOLD"], "1");
}

async fn what_is_due_is_charged_without_anybodys_asking(database: Database) {
    let shop = Shop::open(on(&database).flag("--reconcile-secs=0.2")).await;
    let provider = house(&shop).await;
    let web = node(&shop, &provider, "ist2").await;
    let charged = |all: Value| {
        let shop = &shop;
        wait::until("it to be charged", PATIENCE, move || {
            let all = all.clone();
            async move { (charges(shop).await == all).then_some(()) }
        })
    };
    charged(json!(["-0.015"])).await;
    let past = Past::of(&database, &shop.arcus);
    past.let_hours_go_by(web, 2).await;
    charged(json!(["-0.03", "-0.015"])).await;
    assert_eq!(balance(&shop).await, "24.955");
}

async fn a_node_that_is_upgraded_costs_its_new_price_from_the_next_hour_on(database: Database) {
    let shop = Shop::open(on(&database)).await;
    let provider = house(&shop).await;
    let web = node(&shop, &provider, "ist2").await;
    said(&shop.arcus, &["billing", "charge"]);
    let form = [("id", &*web.to_string()), ("package", "eos3")];
    let upgrade = shop.asked("/v1/server/upgrade_package", &form).await;
    shop.done(upgrade).await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(charges(&shop).await, json!(["-0.015"]), "the hour is paid");
    let past = Past::of(&database, &shop.arcus);
    past.let_hours_go_by(web, 1).await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(charges(&shop).await, json!(["-0.03", "-0.015"]));
    assert_eq!(balance(&shop).await, "24.955");
    // The other API shows the same size.
    let environments = shop.owner.get("/environments").await.ok();
    let environments = environments.as_array().expect("an array");
    let production = row(environments, "name", "production");
    assert_eq!(production["nodes"][0]["size"], "eos3");
}

async fn a_node_on_the_customers_own_account_is_listed_and_never_charged(database: Database) {
    // Who has nothing may have this all the same.
    let builder = on(&database).variable("ARCUS_STARTING_CREDIT", "0");
    let shop = Shop::open(builder).await;
    let provider = shop.owner.add_provider("sandbox").await;
    let web = node(&shop, &provider, "sandbox").await;
    assert_eq!(listed(&shop, "web").await["state"], "Running");
    let past = Past::of(&database, &shop.arcus);
    past.let_hours_go_by(web, 100).await;
    let charged = said(&shop.arcus, &["billing", "charge"]);
    assert!(charged.starts_with("charged 0 server hours"), "{charged}");
    let form = [("id", &*web.to_string()), ("package", "eos3")];
    let upgrade = shop.asked("/v1/server/upgrade_package", &form).await;
    shop.done(upgrade).await;
    past.let_hours_go_by(web, 100).await;
    said(&shop.arcus, &["billing", "charge"]);
    let transactions = shop.customer.get("/v1/transaction/list").await.data();
    assert_eq!(transactions, json!([]));
    assert_eq!(balance(&shop).await, "0");
    let shown = said(&shop.arcus, &["customer", "show", "company-name"]);
    assert!(shown.contains("servers cost 0.00 USD an hour"), "{shown}");
    let quotas = table(&shop.arcus, &["customer", "show", "company-name"]);
    assert_eq!(row(&quotas, "QUOTA", "servers")["USED"], "0");
    // In the operator's region the same is refused.
    let body = json!({"name": "more", "region": "ist2", "package": "eos1", "image": "debian-12"});
    let refused = shop.customer.post("/v1/server/create", &body).await;
    refused.refusal(402);
}

async fn a_new_price_of_a_plan_is_for_the_servers_to_come(database: Database) {
    let shop = Shop::open(on(&database)).await;
    let old = shop.server("old").await;
    let dearer = ["plan", "add", "eos2", "--hourly=1", "--monthly=700"];
    said(&shop.arcus, &dearer);
    said(&shop.arcus, &["billing", "charge"]);
    let past = Past::of(&database, &shop.arcus);
    past.let_hours_go_by(old, 1).await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(balance(&shop).await, "24.97", "what was agreed on stays");
    said(&shop.arcus, &["billing", "topup", "company-name", "100"]);
    shop.server("new").await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(balance(&shop).await, "123.97");
}
