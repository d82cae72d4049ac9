//! Invoices, which only the end of a month brings.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Client, Shop, assert_shape};

use crate::still::{Still, on_both};
use crate::things::{NEVER, visible};

on_both![
    an_invoice_is_listed_and_shown_as_decided,
    an_invoice_is_a_page_that_loads_nothing,
    anothers_invoice_answers_as_what_never_existed,
];

/// A customer by that name who has been charged for a month that is over, and the number of the invoice.
async fn charged(still: &Still, name: &str) -> (Client, i64) {
    let customer = joined(still, name).await;
    still.server(&customer).await;
    still.pass(Duration::from_hours(24 * 31));
    still.charge().await;
    // The login is long over.
    let customer = logged_in(&customer, name).await;
    let list = customer.get("/v1/invoice/list").await.data();
    let number = list[0]["number"].as_i64().expect("a number");
    (customer, number)
}

async fn joined(still: &Still, name: &str) -> Client {
    let owner = still.client.register(name, &email(name)).await;
    logged_in(&owner, name).await
}

async fn logged_in(client: &Client, name: &str) -> Client {
    let tokens = Shop::log_in(client, &email(name)).await;
    client.with_bearer(tokens["token"].as_str().expect("a token"))
}

fn email(name: &str) -> String {
    format!("{name}@email.com")
}

async fn an_invoice_is_listed_and_shown_as_decided(still: Still) {
    let (customer, number) = charged(&still, "acme").await;
    let list = customer.get("/v1/invoice/list").await.data();
    let line = json!({
        "subscription_id": 1, "name": "web", "region": "ist2", "package": "eos1", "hours": 744, "amount": "5.00",
    });
    let invoice = json!({
        "id": 1, "number": 1, "period": "2027-03", "lines": [line], "total": "5.00", "currency": "USD", "status": "paid",
        "created_at": "2027-04-01T00:00:00Z",
    });
    assert_shape(&list, &json!([invoice]));
    // No more than the package's price by the month.
    let told = ["number", "period", "total", "status"].map(|name| list[0][name].clone());
    assert_eq!(json!(told), json!([number, "2027-03", "5.00", "paid"]));
    let one = customer.get(&format!("/v1/invoice/{number}")).await.data();
    assert_eq!(one, list[0]);
}

async fn an_invoice_is_a_page_that_loads_nothing(still: Still) {
    let (customer, number) = charged(&still, "acme").await;
    let page = customer.get(&format!("/v1/invoice/{number}/html")).await;
    assert_eq!(page.status, 200);
    let header = |name: &str| page.header(name).unwrap_or_default();
    assert!(header("content-type").starts_with("text/html"));
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    for told in ["acme", "web", "eos1", "5.00"] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
}

async fn anothers_invoice_answers_as_what_never_existed(still: Still) {
    let (them, number) = charged(&still, "acme").await;
    let me = joined(&still, "other").await;
    let before = them.get("/v1/invoice/list").await.data();
    for rest in ["", "/html"] {
        let with = |number: String| {
            let address = format!("/v1/invoice/{number}{rest}");
            let me = me.clone();
            async move { me.get(&address).await }
        };
        let (foreign, unknown) = (with(number.to_string()).await, with(NEVER.to_owned()).await);
        assert_eq!(visible(&foreign, ""), visible(&unknown, ""), "{rest}");
        foreign.refusal(404);
        unknown.refusal(404);
    }
    assert_eq!(me.get("/v1/invoice/list").await.data(), json!([]));
    assert_eq!(them.get("/v1/invoice/list").await.data(), before);
    assert_ne!(before, Value::Array(Vec::new()));
}
