//! Invoices and transactions. The documentation prints no answers: the contract has their fields.

use serde_json::json;
use testkit::{Builder, Shop, assert_shape};

use crate::curls::{INVOICES, TRANSACTIONS};
use crate::printed::curl;

testkit::on_both_databases![
    transactions_are_listed_as_decided,
    no_invoice_is_listed_before_a_month_is_over,
];

async fn transactions_are_listed_as_decided(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.server("web").await;
    shop.arcus.tell(&["billing", "charge"], "");
    let list = curl(&shop.customer, TRANSACTIONS, &[]).data();
    let shape = json!([{
        "id": 1, "type": "charge", "amount": "-0.015", "balance_after": "24.985", "description": "1 server hour",
        "created_at": "2018-06-20T15:21:41Z",
    }]);
    assert_shape(&list, &shape);
    let told = ["type", "amount", "balance_after"];
    let told = [0, 1].map(|place| told.map(|name| list[place][name].clone()));
    assert_eq!(
        json!(told),
        json!([["charge", "-0.015", "24.985"], ["credit", "25.00", "25.00"]]),
        "the newest first"
    );
}

async fn no_invoice_is_listed_before_a_month_is_over(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.server("web").await;
    shop.arcus.tell(&["billing", "charge"], "");
    let list = curl(&shop.customer, INVOICES, &[]).ok();
    let nothing = json!({"status": "success", "data": [], "message": null});
    assert_eq!(list, nothing);
}
