//! `arcus billing`: what moves money says what is left, and what can't be moved moves nothing.

use serde_json::{Value, json};
use testkit::{Builder, Database, Shop};

use crate::desk::{Past, balance, on, refused, row, said, table, with_the_database};

testkit::on_both_databases![
    a_topup_a_credit_and_both_refunds_move_the_balance_and_say_what_is_left,
    the_customer_reads_the_same_transactions_as_the_operator,
    an_amount_that_is_none_is_refused,
    no_more_is_paid_out_than_there_is,
    with_json_every_command_prints_json,
];

with_the_database![
    a_charge_by_hand_says_what_it_charged,
    a_ledger_that_somebody_has_changed_is_found_out,
];

const ORG: &str = "company-name";

async fn a_topup_a_credit_and_both_refunds_move_the_balance_and_say_what_is_left(builder: Builder) {
    let shop = Shop::open(builder).await;
    for (arguments, printed, left) in [
        (
            &["topup", ORG, "10.50"][..],
            "payment of 10.50 USD: the balance is 35.50 USD",
            "35.5",
        ),
        (
            &["credit", ORG, "0.000001"],
            "credit of 0.000001 USD: the balance is 35.500001 USD",
            "35.500001",
        ),
        (
            &["refund", ORG, "1"],
            "refund of 1.00 USD: the balance is 36.500001 USD",
            "36.500001",
        ),
        (
            &["refund", ORG, "36.5", "--paid-out"],
            "refund of -36.50 USD: the balance is 0.000001 USD",
            "0.000001",
        ),
    ] {
        let arguments = [&["billing"][..], arguments].concat();
        assert_eq!(said(&shop.arcus, &arguments), printed);
        assert_eq!(balance(&shop).await, left);
    }
    assert_eq!(
        said(&shop.arcus, &["billing", "balance", ORG]),
        "0.000001 USD"
    );
    let verified = said(&shop.arcus, &["billing", "verify"]);
    assert!(verified.starts_with("the ledger is right"), "{verified}");
    said(&shop.arcus, &["audit", "verify"]);
}

async fn the_customer_reads_the_same_transactions_as_the_operator(builder: Builder) {
    let shop = Shop::open(builder).await;
    let topup = [
        "billing",
        "topup",
        ORG,
        "5",
        "--description",
        "bank transfer 7",
    ];
    said(&shop.arcus, &topup);
    said(&shop.arcus, &["billing", "credit", ORG, "2.5"]);
    said(
        &shop.arcus,
        &["billing", "refund", ORG, "7.5", "--paid-out"],
    );
    let list = ["billing", "transactions", ORG];
    let listed = shop.arcus.json(&[&list[..], &["--json"]].concat());
    let read = shop.customer.get("/v1/transaction/list").await.data();
    assert_eq!(read, listed);
    let told = |one: &Value| {
        json!(["type", "amount", "balance_after", "description"].map(|name| one[name].clone()))
    };
    let told: Vec<_> = listed
        .as_array()
        .expect("an array")
        .iter()
        .map(told)
        .collect();
    let expected = json!([
        ["refund", "-7.50", "25.00", "paid back"],
        ["credit", "2.50", "32.50", "credit"],
        ["payment", "5.00", "30.00", "bank transfer 7"],
        ["credit", "25.00", "25.00", "starting credit"],
    ]);
    assert_eq!(json!(told), expected, "the newest first");
    let printed = table(&shop.arcus, &list);
    let payment = row(&printed, "TYPE", "payment");
    assert_eq!(
        (&payment["AMOUNT"], &payment["BALANCE"]),
        (&json!("5.00"), &json!("30.00"))
    );
    assert_eq!(payment["DESCRIPTION"], "bank transfer 7");
}

async fn an_amount_that_is_none_is_refused(builder: Builder) {
    let shop = Shop::open(builder).await;
    for command in ["topup", "credit", "refund"] {
        for amount in [
            "0",
            "0.00",
            "-1",
            "1.0000001",
            "1,50",
            "1e3",
            "",
            "99999999999999",
        ] {
            refused(&shop.arcus, &["billing", command, ORG, amount]);
        }
    }
    let why = refused(&shop.arcus, &["billing", "topup", "nobody", "1"]);
    assert!(why.contains("organisation"), "{why}");
    assert_eq!(balance(&shop).await, "25");
}

async fn no_more_is_paid_out_than_there_is(builder: Builder) {
    let shop = Shop::open(builder).await;
    let arguments = ["billing", "refund", ORG, "25.000001", "--paid-out"];
    let why = refused(&shop.arcus, &arguments);
    assert!(
        why.contains("25.00 USD") && why.contains("nothing was changed"),
        "{why}"
    );
    assert_eq!(balance(&shop).await, "25");
    said(&shop.arcus, &["billing", "refund", ORG, "25", "--paid-out"]);
    assert_eq!(balance(&shop).await, "0");
}

async fn with_json_every_command_prints_json(builder: Builder) {
    let shop = Shop::open(builder).await;
    let json = |arguments: &[&str]| {
        shop.arcus
            .json(&[&["billing", "--json"][..], arguments].concat())
    };
    assert_eq!(
        json(&["balance", ORG]),
        json!({"balance": "25.00", "currency": "USD"})
    );
    let moved = json(&["topup", ORG, "1"]);
    assert_eq!(
        (&moved["type"], &moved["balance_after"]),
        (&json!("payment"), &json!("26.00"))
    );
    assert_eq!(json(&["transactions", ORG])[0], moved);
    assert_eq!(json(&["invoices"]), json!([]));
    let charged = json!({"hours": 0, "amount": "0.00", "currency": "USD", "invoices": 0});
    assert_eq!(json(&["charge"]), charged);
    assert_eq!(json(&["verify"]), json!({"right": true}));
}

async fn a_charge_by_hand_says_what_it_charged(database: Database) {
    let mut shop = Shop::open(on(&database)).await;
    let web = shop.server("web").await;
    let past = Past::of(&database, &shop.arcus);
    // With the server stopped nobody else charges.
    assert!(shop.arcus.stop().await.success());
    said(&shop.arcus, &["billing", "charge"]);
    past.let_hours_go_by(web, 2).await;
    let charge = ["billing", "charge"];
    let printed = said(&shop.arcus, &charge);
    assert_eq!(
        printed,
        "charged 2 server hours for 0.03 USD; wrote 0 invoices"
    );
    let again = said(&shop.arcus, &charge);
    assert_eq!(
        again,
        "charged 0 server hours for 0.00 USD; wrote 0 invoices"
    );
    let listed = shop.arcus.json(&["billing", "transactions", ORG, "--json"]);
    assert_eq!(listed[0]["amount"], "-0.03");
    assert_eq!(listed[0]["description"], "2 server hours");
    assert_eq!(listed[0]["balance_after"], "24.955");
}

async fn a_ledger_that_somebody_has_changed_is_found_out(database: Database) {
    let shop = Shop::open(on(&database)).await;
    said(&shop.arcus, &["billing", "topup", ORG, "1"]);
    let past = Past::of(&database, &shop.arcus);
    past.run("UPDATE balances SET balance = balance + 1").await;
    let why = refused(&shop.arcus, &["billing", "verify"]);
    assert!(why.contains("the ledger is wrong"), "{why}");
    past.run("UPDATE balances SET balance = balance - 1").await;
    said(&shop.arcus, &["billing", "verify"]);
}
