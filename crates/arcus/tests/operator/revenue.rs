//! `arcus report revenue`: what each customer was charged in a month.

use serde_json::json;
use testkit::{Database, Shop};

use crate::desk::{Past, destroy, on, refused, said, table, with_the_database};

with_the_database![a_report_of_the_revenue_tells_what_each_customer_was_charged_in_a_month];

async fn a_report_of_the_revenue_tells_what_each_customer_was_charged_in_a_month(
    database: Database,
) {
    let shop = Shop::open(on(&database)).await;
    Shop::join(&shop.arcus, "other", "other@email.com").await;
    let web = shop.server("web").await;
    said(&shop.arcus, &["billing", "charge"]);
    let present = table(&shop.arcus, &["report", "revenue"]);
    let line = |hours: &str, amount: &str| {
        json!({
            "ORGANISATION": "company-name", "SERVER HOURS": hours, "CHARGED": amount, "GIVEN BACK": "0.00",
            "REVENUE": amount,
        })
    };
    let first_hour = line("1", "0.015");
    assert_eq!(
        present,
        [first_hour],
        "who was charged nothing is not listed"
    );
    destroy(&shop.customer, web).await;
    let past = Past::of(&database, &shop.arcus);
    past.were_there_in_may(&shop.arcus, &[web], 10).await;
    let may = ["report", "revenue", "--month", "2024-05"];
    let listed = table(&shop.arcus, &may);
    assert_eq!(listed, [line("10", "0.15")]);
    let printed = said(&shop.arcus, &may);
    assert!(
        printed.ends_with("2024-05: 10 server hours for 0.15 USD"),
        "{printed}"
    );
    for wrong in ["2024-13", "2024", "may"] {
        refused(&shop.arcus, &["report", "revenue", "--month", wrong]);
    }
}
