//! Invoices of months that are over, as the customer reads them and as the operator prints them.

use serde_json::{Value, json};
use testkit::{Client, Database, Shop};

use crate::desk::{
    Past, balance, buy, destroy, on, refused, row, said, shop_with, table, with_the_database,
};

with_the_database![
    an_invoice_is_listed_and_read_as_the_contract_says,
    an_invoice_is_a_page_that_loads_nothing,
    the_operator_prints_the_invoice_that_the_customer_reads,
    an_invoice_is_nobody_elses,
    invoices_of_several_customers_are_numbered_without_gaps,
    an_invoice_is_due_until_the_charges_of_its_month_are_paid,
];

/// The customer has had an `eos2` called `web` for ten hours of May 2024; its id.
async fn with_an_invoice(shop: &Shop, database: &Database) -> i64 {
    let web = buy(&shop.customer, "web", "eos2").await;
    destroy(&shop.customer, web).await;
    let past = Past::of(database, &shop.arcus);
    past.were_there_in_may(&shop.arcus, &[web], 10).await;
    web
}

async fn list(customer: &Client) -> Value {
    customer.get("/v1/invoice/list").await.data()
}

async fn an_invoice_is_listed_and_read_as_the_contract_says(database: Database) {
    let shop = Shop::open(on(&database)).await;
    let web = buy(&shop.customer, "web", "eos2").await;
    let db = buy(&shop.customer, "db", "eos3").await;
    for server in [web, db] {
        destroy(&shop.customer, server).await;
    }
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(list(&shop.customer).await, json!([]), "no month is over");
    let past = Past::of(&database, &shop.arcus);
    past.were_there_in_may(&shop.arcus, &[web, db], 10).await;

    let all = list(&shop.customer).await;
    let mut invoice = all[0].clone();
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
    let one = shop.customer.get("/v1/invoice/1").await.data();
    assert_eq!(one, invoice);
    assert!(invoice["id"].take().is_i64(), "{all}");
    let created_at = invoice["created_at"].take();
    let created_at = created_at.as_str().expect("a time");
    assert!(created_at.ends_with('Z') && created_at.len() == 20, "{all}");
    let line = |id: i64, name: &str, package: &str, amount: &str| {
        json!({
            "subscription_id": id, "name": name, "region": "ist2", "package": package, "hours": 10, "amount": amount,
        })
    };
    let expected = json!({
        "id": null, "number": 1, "period": "2024-05", "total": "0.45", "currency": "USD", "status": "paid",
        "created_at": null, "lines": [line(web, "web", "eos2", "0.15"), line(db, "db", "eos3", "0.30")],
    });
    assert_eq!(invoice, expected);
    // The first hour of each, which was today, and ten of May.
    assert_eq!(balance(&shop).await, "24.505");
    said(&shop.arcus, &["billing", "verify"]);
}

async fn an_invoice_is_a_page_that_loads_nothing(database: Database) {
    let file = "[billing]\nseller = \"Arcus & Sons\\nFrankfurt\"\n";
    let (shop, _folder) = shop_with(&database, file).await;
    with_an_invoice(&shop, &database).await;
    let answer = shop.customer.get("/v1/invoice/1/html").await;
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").expect("a type");
    assert!(kind.starts_with("text/html"), "{kind}");
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let page = &answer.text;
    for words in [
        "Invoice 1",
        "2024-05",
        "Arcus &amp; Sons",
        "company name",
        "web",
        "0.15",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let file = shop.arcus.folder().join("invoice.html");
    let path = file.to_str().expect("a text");
    let printed = said(&shop.arcus, &["billing", "invoice", "1", "--html", path]);
    assert_eq!(printed, format!("invoice 1 is in {path}"));
    let written = std::fs::read_to_string(&file).expect("a page");
    assert_eq!(written, *page, "both are the same invoice");
}

async fn the_operator_prints_the_invoice_that_the_customer_reads(database: Database) {
    let shop = Shop::open(on(&database)).await;
    with_an_invoice(&shop, &database).await;
    let read = list(&shop.customer).await[0].clone();
    let printed = shop.arcus.json(&["billing", "invoice", "1", "--json"]);
    assert_eq!(
        shop.arcus.json(&["billing", "invoices", "--json"])[0],
        printed
    );
    for same in [
        "number",
        "period",
        "total",
        "currency",
        "status",
        "created_at",
    ] {
        assert_eq!(printed[same], read[same], "{same}");
    }
    assert_eq!(printed["organisation"], "company-name");
    let (of_operator, of_customer) = (&printed["lines"][0], &read["lines"][0]);
    for (name, other) in [
        ("server_id", "subscription_id"),
        ("server", "name"),
        ("plan", "package"),
        ("hours", "hours"),
        ("amount", "amount"),
    ] {
        assert_eq!(of_operator[name], of_customer[other], "{name}");
    }
    let text = said(&shop.arcus, &["billing", "invoice", "1"]);
    let told = "invoice 1 of company name for 2024-05: 0.15 USD, paid";
    assert!(text.starts_with(told), "{text}");
    let rows = table(&shop.arcus, &["billing", "invoice", "1"]);
    let line =
        json!({"SERVER": "web", "PLAN": "eos2", "REGION": "ist2", "HOURS": "10", "AMOUNT": "0.15"});
    assert_eq!(rows, [line]);
    for whose in [&[][..], &["company-name"]] {
        let arguments = [&["billing", "invoices"][..], whose].concat();
        let one = row(&table(&shop.arcus, &arguments), "NUMBER", "1");
        assert_eq!(one["PERIOD"], "2024-05");
        assert_eq!(one["TOTAL"], "0.15 USD");
    }
    refused(&shop.arcus, &["billing", "invoice", "2"]);
}

async fn an_invoice_is_nobody_elses(database: Database) {
    let shop = Shop::open(on(&database)).await;
    with_an_invoice(&shop, &database).await;
    let (_, other) = Shop::join(&shop.arcus, "other", "other@email.com").await;
    assert_eq!(list(&other).await, json!([]));
    for rest in ["", "/html"] {
        let path = |number: i64| format!("/v1/invoice/{number}{rest}");
        shop.customer.anonymous().get(&path(1)).await.refusal(401);
        let foreign = other.get(&path(1)).await.refusal(404);
        assert_eq!(foreign, other.get(&path(7)).await.refusal(404));
    }
    let rows = table(&shop.arcus, &["billing", "invoices", "other"]);
    assert!(rows.is_empty(), "{rows:#?}");
}

async fn invoices_of_several_customers_are_numbered_without_gaps(database: Database) {
    let shop = Shop::open(on(&database)).await;
    let (_, second) = Shop::join(&shop.arcus, "second", "second@email.com").await;
    let (_, third) = Shop::join(&shop.arcus, "third", "third@email.com").await;
    let customers = [&shop.customer, &second, &third];
    let mut servers = Vec::new();
    for customer in customers {
        let server = buy(customer, "web", "eos2").await;
        destroy(customer, server).await;
        servers.push(server);
    }
    let past = Past::of(&database, &shop.arcus);
    past.were_there_in_may(&shop.arcus, &servers, 1).await;
    // Who charges again writes none again.
    said(&shop.arcus, &["billing", "charge"]);
    let mut numbers = Vec::new();
    for customer in customers {
        let all = list(customer).await;
        assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
        numbers.push(all[0]["number"].as_i64().expect("a number"));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    let rows = table(&shop.arcus, &["billing", "invoices"]);
    let listed: Vec<_> = rows.iter().map(|row| row["NUMBER"].clone()).collect();
    assert_eq!(json!(listed), json!(["3", "2", "1"]), "the newest first");
}

async fn an_invoice_is_due_until_the_charges_of_its_month_are_paid(database: Database) {
    // Just enough for a day: an hour costs 0.015.
    let builder = on(&database).variable("ARCUS_STARTING_CREDIT", "0.36");
    let shop = Shop::open(builder).await;
    let web = buy(&shop.customer, "web", "eos2").await;
    destroy(&shop.customer, web).await;
    let past = Past::of(&database, &shop.arcus);
    past.were_there_in_may(&shop.arcus, &[web], 30).await;
    assert_eq!(balance(&shop).await, "-0.105");
    // Of that 0.015 is for today's hour, which is not May's business.
    for (paid, status, left) in [
        ("0.089999", "due", "-0.015001"),
        ("0.000001", "paid", "-0.015"),
    ] {
        assert_eq!(list(&shop.customer).await[0]["status"], "due");
        said(&shop.arcus, &["billing", "topup", "company-name", paid]);
        assert_eq!(balance(&shop).await, left);
        assert_eq!(list(&shop.customer).await[0]["status"], status);
        let printed = said(&shop.arcus, &["billing", "invoice", "1"]);
        assert!(
            printed.contains(&format!("0.45 USD, {status}")),
            "{printed}"
        );
    }
}
