//! The rules of the money that an operator meets: what commands go by, what is noted once, what may be owed, and what an
//! adopted server costs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::{Builder, Database, Shop};

use crate::desk::{
    Past, balance, house, on, refused, row, said, shop_with, table, with_the_database,
};

testkit::on_both_databases![
    what_has_a_reference_is_noted_once,
    what_a_bank_takes_back_is_noted_where_the_operator_says_so,
    transactions_are_had_page_by_page,
    a_plan_that_would_be_free_by_mistake_is_none,
    an_adopted_server_counts_and_costs_as_its_plan_says,
];

with_the_database![
    commands_go_by_what_serve_was_started_with,
    where_serve_charges_nothing_commands_charge_nothing,
    a_ledger_keeps_its_currency,
    what_was_given_back_is_taken_off_the_revenue,
];

const ORG: &str = "company-name";

async fn commands_go_by_what_serve_was_started_with(database: Database) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("other.toml");
    let text = "[billing]\ncurrency = \"EUR\"\nstarting_credit = \"7\"\n[quota]\nservers = 3\n";
    std::fs::write(&file, text).expect("is written");
    let flag = format!("--config={}", file.display());
    let shop = Shop::open(on(&database).flag(&flag)).await;
    assert_eq!(said(&shop.arcus, &["billing", "balance", ORG]), "7.00 EUR");
    // Whom a command adds has the same.
    said(&shop.arcus, &["admin", "org", "add", "Another"]);
    let listed = table(&shop.arcus, &["customer", "ls"]);
    assert_eq!(row(&listed, "SLUG", "another")["BALANCE"], "7.00 EUR");
    let quotas = table(&shop.arcus, &["customer", "show", ORG]);
    assert_eq!(row(&quotas, "QUOTA", "servers")["LIMIT"], "3");
}

async fn where_serve_charges_nothing_commands_charge_nothing(database: Database) {
    let shop = Shop::open(on(&database).flag("--billing=off")).await;
    let web = shop.server("web").await;
    Past::of(&database, &shop.arcus)
        .let_hours_go_by(web, 5)
        .await;
    let charged = said(&shop.arcus, &["billing", "charge"]);
    assert!(charged.contains("for 0.00 USD"), "{charged}");
    assert_eq!(balance(&shop).await, "0");
}

async fn a_ledger_keeps_its_currency(database: Database) {
    let (mut shop, folder) = shop_with(&database, "[billing]\ncurrency = \"EUR\"\n").await;
    assert!(shop.arcus.stop().await.success());
    let file = folder.path().join("arcus.toml");
    std::fs::write(&file, "[billing]\ncurrency = \"USD\"\n").expect("is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_arcus"));
    command.arg("--data-dir").arg(folder.path());
    if let Some(url) = database.url() {
        command.arg("--database-url").arg(url);
    }
    let mut child = command
        .args(["serve", "--listen=127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let stderr = BufReader::new(child.stderr.take().expect("its log"));
    let is_last = |line: &String| line.starts_with("arcus: ") || line.contains("Arcus listens");
    let why = stderr.lines().map_while(Result::ok).find(is_last);
    // It may have ended; killing does no harm then.
    let _ = child.kill();
    assert!(!child.wait().expect("it ends").success(), "{why:?}");
    let why = why.expect("it says why");
    assert!(why.contains("the ledger is in EUR"), "{why}");
    assert_eq!(said(&shop.arcus, &["billing", "balance", ORG]), "25.00 EUR");
}

async fn what_has_a_reference_is_noted_once(builder: Builder) {
    let shop = Shop::open(builder).await;
    Shop::join(&shop.arcus, "other", "other@email.com").await;
    let topup = |organisation, amount| {
        [
            "billing",
            "topup",
            organisation,
            amount,
            "--reference",
            "transfer 7",
        ]
    };
    for _ in 0..2 {
        let printed = said(&shop.arcus, &topup(ORG, "5"));
        assert_eq!(printed, "payment of 5.00 USD: the balance is 30.00 USD");
    }
    for mistake in [topup(ORG, "6"), topup("other", "5")] {
        let why = refused(&shop.arcus, &mistake);
        assert!(
            why.contains("noted before, as 5.00 of company-name"),
            "{why}"
        );
    }
    // A refund of that very transfer is another matter.
    let back = [
        "billing",
        "refund",
        ORG,
        "5",
        "--paid-out",
        "--reference",
        "transfer 7",
    ];
    said(&shop.arcus, &back);
    assert_eq!(balance(&shop).await, "25");
    refused(
        &shop.arcus,
        &["billing", "topup", ORG, "1", "--reference", ""],
    );
}

async fn what_a_bank_takes_back_is_noted_where_the_operator_says_so(builder: Builder) {
    let shop = Shop::open(builder).await;
    let back = ["billing", "refund", ORG, "26", "--paid-out"];
    refused(&shop.arcus, &back);
    refused(
        &shop.arcus,
        &["billing", "refund", ORG, "26", "--allow-negative"],
    );
    let printed = said(&shop.arcus, &[&back[..], &["--allow-negative"]].concat());
    assert_eq!(printed, "refund of -26.00 USD: the balance is -1.00 USD");
    let shown = said(&shop.arcus, &["customer", "show", ORG]);
    assert!(shown.contains("it owes"), "{shown}");
    let new = json!({"name": "web", "region": "ist2", "package": "eos1", "image": "debian-12"});
    let refused = shop.customer.post("/v1/server/create", &new).await;
    refused.refusal(402);
    said(&shop.arcus, &["billing", "topup", ORG, "1"]);
    let shown = said(&shop.arcus, &["customer", "show", ORG]);
    assert!(shown.contains("active"), "{shown}");
}

async fn transactions_are_had_page_by_page(builder: Builder) {
    let shop = Shop::open(builder).await;
    for amount in ["1", "2", "3"] {
        said(&shop.arcus, &["billing", "topup", ORG, amount]);
    }
    let list = |rest: String| {
        let customer = shop.customer.clone();
        async move { customer.get(&format!("/v1/transaction/list{rest}")).await }
    };
    let all = list(String::new()).await.data();
    let first = list("?limit=3".to_owned()).await.data();
    let oldest = first[2]["id"].as_i64().expect("an id");
    let second = list(format!("?before={oldest}&limit=3")).await.data();
    let pages = [first, second].map(|page| page.as_array().expect("an array").clone());
    assert_eq!(Value::from(pages.concat()), all);
    let last = all[3]["id"].as_i64().expect("an id");
    assert_eq!(list(format!("?before={last}")).await.data(), json!([]));
    for (wrong, status) in [
        ("?limit=0", 400),
        ("?limit=1001", 400),
        ("?limit=many", 400),
        ("?before=999999", 404),
    ] {
        list(wrong.to_owned()).await.refusal(status);
    }
}

async fn what_was_given_back_is_taken_off_the_revenue(database: Database) {
    let shop = Shop::open(on(&database)).await;
    shop.server("web").await;
    said(&shop.arcus, &["billing", "charge"]);
    said(&shop.arcus, &["billing", "refund", ORG, "0.01"]);
    let listed = table(&shop.arcus, &["report", "revenue"]);
    let told = ["CHARGED", "GIVEN BACK", "REVENUE"].map(|name| listed[0][name].clone());
    assert_eq!(json!(told), json!(["0.015", "0.01", "0.005"]));
    let printed = said(&shop.arcus, &["report", "revenue"]);
    let told = "1 server hours for 0.015 USD, less 0.01 USD given back: 0.005 USD";
    assert!(printed.ends_with(told), "{printed}");
}

async fn a_plan_that_would_be_free_by_mistake_is_none(builder: Builder) {
    let arcus = builder.start().await;
    let add = [
        "plan",
        "add",
        "small",
        "--cpus=1",
        "--memory-mib=512",
        "--disk-gib=10",
    ];
    let with = |rest: &[&'static str]| [&add[..], rest].concat();
    said(&arcus, &with(&["--hourly=0.005"]));
    let listed = table(&arcus, &["plan", "ls"]);
    assert_eq!(
        row(&listed, "SLUG", "small")["MONTHLY"],
        "3.7200",
        "31 days of hours"
    );
    for wrong in [
        &["--monthly=0"][..],
        &["--monthly=0.004"],
        &["--hourly=0", "--monthly=3"],
    ] {
        let why = refused(&arcus, &with(wrong));
        assert!(why.contains("nothing was changed"), "{why}");
    }
    let free = said(&arcus, &with(&["--hourly=0", "--monthly=none"]));
    assert!(
        free.ends_with("it has no price: its servers cost nothing"),
        "{free}"
    );
}

/// The number of the only orphan.
fn orphan(shop: &Shop) -> String {
    let listed = table(&shop.arcus, &["admin", "orphan", "ls"]);
    let number = row(&listed, "REGION", "sandbox")["ID"].clone();
    number.as_str().expect("a number").to_owned()
}

async fn an_adopted_server_counts_and_costs_as_its_plan_says(builder: Builder) {
    let shop = Shop::open(builder).await;
    let body = json!({
        "provider_id": house(&shop).await, "region": "sandbox", "environment": "production",
        "nodes": [{"name": "web", "size": "eos1"}],
    });
    let made = shop.owner.post("/environments", &body).await.ok();
    let environment = made["environment"].as_str().expect("an id");
    let installation = shop.arcus.ledger().await.read().await.installation;
    let stray = [
        "sandbox",
        "add",
        "stray",
        "--token=0123456789abcdef",
        "--installation",
    ];
    said(&shop.arcus, &[&stray[..], &[&installation]].concat());
    let number = orphan(&shop);
    let adopt = [
        "admin",
        "orphan",
        "adopt",
        &number,
        "--environment",
        environment,
    ];
    let with = |plan| [&adopt[..], &["--plan", plan]].concat();
    let why = refused(&shop.arcus, &adopt);
    assert!(why.contains("--plan"), "{why}");
    refused(&shop.arcus, &with("unknown"));
    said(&shop.arcus, &["customer", "quota", ORG, "--servers=1"]);
    let why = refused(&shop.arcus, &with("eos3"));
    assert!(why.contains("1 servers; it has 1"), "{why}");
    said(&shop.arcus, &["customer", "quota", ORG, "--servers=2"]);
    said(&shop.arcus, &with("eos3"));
    let quotas = table(&shop.arcus, &["customer", "show", ORG]);
    assert_eq!(row(&quotas, "QUOTA", "cpus")["USED"], "3");
    let shown = said(&shop.arcus, &["customer", "show", ORG]);
    assert!(shown.contains("servers cost 0.0374 USD an hour"), "{shown}");
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(balance(&shop).await, "24.9626");
}
