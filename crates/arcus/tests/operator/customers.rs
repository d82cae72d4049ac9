//! `arcus customer ls|show|suspend|resume`: what they print, and what they do to a customer's servers.

use serde_json::{Value, json};
use testkit::{Builder, Client, Shop, wait};

use crate::desk::{PATIENCE, buy, destroy, has_environment, house, refused, row, said, table};

testkit::on_both_databases![
    customers_are_listed_with_what_they_have_and_how_they_stand,
    a_customer_is_shown_with_what_it_has_uses_and_may_use,
    a_suspended_customers_servers_are_switched_off,
    a_suspended_customer_is_refused_whatever_would_cost_more_with_402,
    a_suspension_touches_neither_others_nor_what_runs_on_the_customers_own_account,
    a_resumed_customers_servers_are_on_again_but_those_it_had_switched_off_itself,
    a_command_on_a_customer_that_is_not_there_or_is_so_already_changes_nothing,
];

/// Waits until a customer's server is in that state.
async fn until(customer: &Client, id: i64, state: &str) {
    let path = format!("/v1/server/{id}");
    wait::until(state, PATIENCE, || async {
        let shown = customer.get(&path).await.data();
        (shown[0]["state"] == state).then_some(())
    })
    .await;
}

/// A server of one's own in an environment, on the provider of that kind; its id in the other API.
async fn node(shop: &Shop, kind: &str, region: &str) -> i64 {
    let provider = match kind {
        "arcus" => house(shop).await,
        kind => shop.owner.add_provider(kind).await,
    };
    let body = json!({
        "provider_id": provider, "region": region, "environment": kind, "nodes": [{"name": kind, "size": "eos1"}],
    });
    shop.owner.post("/environments?wait=120", &body).await.ok();
    let listed = shop.customer.get("/v1/server/list").await.data();
    row(listed.as_array().expect("an array"), "name", kind)["id"]
        .as_i64()
        .expect("an id")
}

async fn customers_are_listed_with_what_they_have_and_how_they_stand(builder: Builder) {
    let shop = Shop::open(builder).await;
    Shop::join(&shop.arcus, "Other Company", "other@email.com").await;
    said(&shop.arcus, &["billing", "topup", "company-name", "5.5"]);
    said(&shop.arcus, &["customer", "suspend", "other-company"]);
    let listed = table(&shop.arcus, &["customer", "ls"]);
    let (first, other) = (&listed[0], &listed[1]);
    assert_eq!(listed.len(), 2, "{listed:#?}");
    let mut told = first.clone();
    let id = told["ID"].take();
    let expected = json!({
        "ID": null, "SLUG": "company-name", "NAME": "company name", "BALANCE": "30.50 USD", "STATE": "active",
    });
    assert_eq!(told, expected);
    assert_eq!(other["NAME"], "Other Company");
    let state = other["STATE"].as_str().expect("a state");
    assert!(
        state.starts_with("suspended since 2") && state.ends_with("Z: the operator's word"),
        "{state}"
    );
    // The id serves as well as the slug.
    let shown = said(
        &shop.arcus,
        &["customer", "show", id.as_str().expect("an id")],
    );
    assert!(shown.contains("(company-name)"), "{shown}");
}

async fn a_customer_is_shown_with_what_it_has_uses_and_may_use(builder: Builder) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await.to_string();
    let form = [("id", &*web), ("name", "before")];
    let snapshot = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(snapshot).await;
    // Whoever is first charges the first hour.
    said(&shop.arcus, &["billing", "charge"]);
    let quota = ["customer", "quota", "company-name", "--servers=7"];
    said(&shop.arcus, &quota);
    let show = ["customer", "show", "company-name"];
    let shown = said(&shop.arcus, &show);
    assert!(
        shown.starts_with("company name (company-name), id "),
        "{shown}"
    );
    let money = "balance 24.985 USD, servers cost 0.015 USD an hour, active";
    assert!(shown.contains(money), "{shown}");
    let all = table(&shop.arcus, &show);
    let told = |row: &Value| {
        let cells = ["QUOTA", "USED", "LIMIT", "WHOSE"].map(|name| row[name].clone());
        json!(cells)
    };
    let told: Vec<_> = all.iter().map(told).collect();
    let expected = json!([
        ["servers", "1", "7", "its own"],
        ["cpus", "1", "400", "default"],
        ["memory-mib", "1024", "1048576", "default"],
        ["disk-gib", "40", "10240", "default"],
        ["snapshots", "1", "200", "default"],
    ]);
    assert_eq!(json!(told), expected);
}

async fn a_suspended_customers_servers_are_switched_off(builder: Builder) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await;
    let node = node(&shop, "arcus", "ist2").await;
    let printed = said(&shop.arcus, &["customer", "suspend", "company-name"]);
    assert_eq!(
        printed,
        "the organisation is suspended; its servers are being switched off"
    );
    until(&shop.customer, web, "Stopped").await;
    until(&shop.customer, node, "Stopped").await;
    let shown = said(&shop.arcus, &["customer", "show", "company-name"]);
    assert!(shown.contains("the operator's word"), "{shown}");
    // Nothing of it is lost: they are there and can be destroyed.
    destroy(&shop.customer, web).await;
    said(&shop.arcus, &["audit", "verify"]);
}

async fn a_suspended_customer_is_refused_whatever_would_cost_more_with_402(builder: Builder) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await;
    let house = house(&shop).await;
    said(&shop.arcus, &["customer", "suspend", "company-name"]);
    until(&shop.customer, web, "Stopped").await;
    let new = json!({"name": "more", "region": "ist2", "package": "eos1", "image": "debian-12"});
    let web = json!({"id": web, "name": "now", "package": "eos3"});
    for (path, body) in [
        ("/v1/server/create", &new),
        ("/v1/server/start", &web),
        ("/v1/server/reboot", &web),
        ("/v1/server/refresh_install", &web),
        ("/v1/server/upgrade_package", &web),
        ("/v1/snapshot/create", &web),
    ] {
        let why = shop.customer.post(path, body).await.refusal(402);
        assert!(why.contains("suspended by the operator"), "{path}: {why}");
    }
    let nodes = json!([{"name": "more", "size": "eos1"}]);
    let body =
        json!({"provider_id": house, "region": "ist2", "environment": "more", "nodes": nodes});
    let why = shop
        .owner
        .post("/environments?wait=120", &body)
        .await
        .error(402);
    assert!(why.contains("suspended by the operator"), "{why}");
    assert!(!has_environment(&shop, "more").await);
    assert_eq!(shop.arcus.calls("create"), 1);
}

async fn a_suspension_touches_neither_others_nor_what_runs_on_the_customers_own_account(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await;
    let own = node(&shop, "sandbox", "sandbox").await;
    let (_, other) = Shop::join(&shop.arcus, "other", "other@email.com").await;
    let theirs = buy(&other, "theirs", "eos1").await;
    said(&shop.arcus, &["customer", "suspend", "company-name"]);
    until(&shop.customer, web, "Stopped").await;
    until(&other, theirs, "Running").await;
    assert_eq!(shop.shown(own).await["state"], "Running");
    let event = shop.asked(&format!("/v1/server/{own}/reboot"), &[]).await;
    shop.done(event).await;
}

async fn a_resumed_customers_servers_are_on_again_but_those_it_had_switched_off_itself(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    let (web, off) = (shop.server("web").await, shop.server("off").await);
    let stop = shop.asked(&format!("/v1/server/{off}/stop"), &[]).await;
    shop.done(stop).await;
    said(&shop.arcus, &["customer", "suspend", "company-name"]);
    until(&shop.customer, web, "Stopped").await;
    let printed = said(&shop.arcus, &["customer", "resume", "company-name"]);
    assert_eq!(
        printed,
        "the organisation is suspended no more; its servers are being switched on"
    );
    until(&shop.customer, web, "Running").await;
    assert_eq!(shop.shown(off).await["state"], "Stopped");
    // And it may have more again.
    shop.server("more").await;
}

async fn a_command_on_a_customer_that_is_not_there_or_is_so_already_changes_nothing(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    for command in ["show", "suspend", "resume", "quota"] {
        let why = refused(&shop.arcus, &["customer", command, "nobody"]);
        assert!(why.contains("organisation"), "{command}: {why}");
    }
    let why = refused(&shop.arcus, &["customer", "resume", "company-name"]);
    assert!(why.contains("not suspended; nothing was changed"), "{why}");
    said(&shop.arcus, &["customer", "suspend", "company-name"]);
    let why = refused(&shop.arcus, &["customer", "suspend", "company-name"]);
    assert!(
        why.contains("suspended already; nothing was changed"),
        "{why}"
    );
}
