//! Customers who pay by themselves: the way to Stripe's page, and what is credited once they have paid there.

use serde_json::{Value, json};
use testkit::{Database, Shop, wait};

use crate::desk::{PATIENCE, Past, balance, buy, on, said, shop_with, with_the_database};
use crate::stripe_stand_in::{SECRET_KEY, StripeStandIn, WEBHOOK_SECRET, tell};

with_the_database![
    a_customer_is_sent_to_stripes_page_for_exactly_the_amount,
    an_amount_that_can_not_be_paid_is_refused_before_stripe_is_asked,
    what_stripe_refuses_is_told_without_its_secrets,
    a_payment_is_credited_once_however_often_it_is_told,
    each_payment_is_credited,
    a_payment_switches_the_servers_of_who_owed_on_again,
    without_stripe_nobody_is_sent_anywhere_and_no_webhook_is_taken,
];

const TOP_UP: &str = "/v1/account/topup";

/// A customer who can pay by Stripe.
pub(crate) struct Paying {
    pub(crate) shop: Shop,
    pub(crate) stripe: StripeStandIn,
    _folder: tempfile::TempDir,
}

// === impl Paying ===

impl Paying {
    /// Starts Arcus with an account at the stand-in.
    pub(crate) async fn start(database: &Database) -> Self {
        let stripe = StripeStandIn::start().await;
        let (shop, folder) = shop_with(database, &stripe.file()).await;
        Self {
            shop,
            stripe,
            _folder: folder,
        }
    }

    /// The customer asks to pay that much; what Stripe tells once it is paid.
    pub(crate) async fn paid(&self, amount: &str) -> Value {
        let body = json!({"amount": amount});
        self.shop.customer.post(TOP_UP, &body).await.data();
        self.stripe.paid(self.stripe.asked().len() - 1)
    }

    /// What the customer has.
    pub(crate) async fn balance(&self) -> String {
        balance(&self.shop).await
    }

    /// The customer's payments, the newest first.
    pub(crate) async fn payments(&self) -> Vec<Value> {
        let all = self.shop.customer.get("/v1/transaction/list").await.data();
        let all = all.as_array().expect("an array").iter();
        all.filter(|one| one["type"] == "payment")
            .cloned()
            .collect()
    }
}

async fn a_customer_is_sent_to_stripes_page_for_exactly_the_amount(database: Database) {
    let paying = Paying::start(&database).await;
    let form = [("amount", "10.50")];
    let method = testkit::Method::POST;
    let sent = paying.shop.customer.form(method, TOP_UP, &form).await;
    let page = json!({"url": "https://checkout.stripe.com/c/pay/cs_test_0"});
    assert_eq!(sent.data(), page);
    let asked = &paying.stripe.asked()[0];
    assert_eq!(asked.authorization, format!("Bearer {SECRET_KEY}"));
    for (name, value) in [
        ("mode", "payment"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][unit_amount]", "1050"),
        ("line_items[0][price_data][currency]", "usd"),
        ("success_url", "https://shop.example/paid"),
        ("cancel_url", "https://shop.example/"),
    ] {
        assert_eq!(asked.form[name], value, "{name}");
    }
    assert_eq!(paying.balance().await, "25", "nothing was paid yet");
}

async fn an_amount_that_can_not_be_paid_is_refused_before_stripe_is_asked(database: Database) {
    let paying = Paying::start(&database).await;
    for amount in ["0", "-1", "ten", "", "10.001", "1e3"] {
        let body = json!({"amount": amount});
        paying.shop.customer.post(TOP_UP, &body).await.refusal(400);
    }
    let nothing = json!({});
    paying
        .shop
        .customer
        .post(TOP_UP, &nothing)
        .await
        .refusal(400);
    let anonymous = paying.shop.customer.anonymous();
    let body = json!({"amount": "1"});
    anonymous.post(TOP_UP, &body).await.refusal(401);
    assert!(paying.stripe.asked().is_empty());
}

async fn what_stripe_refuses_is_told_without_its_secrets(database: Database) {
    let paying = Paying::start(&database).await;
    paying.stripe.refuse();
    let body = json!({"amount": "10"});
    let why = paying.shop.customer.post(TOP_UP, &body).await.refusal(502);
    assert!(why.contains("nothing was paid"), "{why}");
    assert!(!why.contains("hunter2"), "{why}");
    // Stripe says again what it was given, and the log has what Stripe says, a moment after the answer.
    let logged = wait::until("the log to have it", PATIENCE, || async {
        let log = paying.shop.arcus.log().join("\n");
        log.contains("Stripe answered").then_some(log)
    });
    let log = logged.await;
    for secret in [WEBHOOK_SECRET, SECRET_KEY] {
        assert!(!log.contains(secret), "{log}");
    }
}

async fn a_payment_is_credited_once_however_often_it_is_told(database: Database) {
    let paying = Paying::start(&database).await;
    let paid = paying.paid("10.50").await;
    for _ in 0..3 {
        let answer = tell(&paying.shop.customer, &paid).await;
        assert_eq!(answer.data(), true);
        assert_eq!(paying.balance().await, "35.5");
    }
    let payments = paying.payments().await;
    assert_eq!(payments.len(), 1, "{payments:#?}");
    assert_eq!(payments[0]["amount"], "10.50");
    assert_eq!(payments[0]["balance_after"], "35.50");
    assert_eq!(payments[0]["description"], "payment by stripe");
    said(&paying.shop.arcus, &["billing", "verify"]);
    said(&paying.shop.arcus, &["audit", "verify"]);
}

async fn each_payment_is_credited(database: Database) {
    let paying = Paying::start(&database).await;
    let (first, second) = (paying.paid("1").await, paying.paid("2.25").await);
    // They are told in another order than they were begun.
    for event in [&second, &first] {
        tell(&paying.shop.customer, event).await.data();
    }
    assert_eq!(paying.balance().await, "28.25");
    let amounts: Vec<_> = paying.payments().await;
    let amounts: Vec<_> = amounts.iter().map(|one| one["amount"].clone()).collect();
    assert_eq!(json!(amounts), json!(["1.00", "2.25"]));
}

async fn a_payment_switches_the_servers_of_who_owed_on_again(database: Database) {
    let stripe = StripeStandIn::start().await;
    let file = format!("[billing]\nstarting_credit = \"0.36\"\n{}", stripe.file());
    let (shop, folder) = shop_with(&database, &file).await;
    let paying = Paying {
        shop,
        stripe,
        _folder: folder,
    };
    let shop = &paying.shop;
    let web = buy(&shop.customer, "web", "eos2").await;
    let state = |state: &'static str| {
        wait::until(state, PATIENCE, move || async move {
            (shop.shown(web).await["state"] == state).then_some(())
        })
    };
    said(&shop.arcus, &["billing", "charge"]);
    let past = Past::of(&database, &shop.arcus);
    past.let_hours_go_by(web, 30).await;
    said(&shop.arcus, &["billing", "charge"]);
    assert_eq!(paying.balance().await, "-0.105");
    state("Stopped").await;
    let shown = said(&shop.arcus, &["customer", "show", "company-name"]);
    assert!(shown.contains("it owes"), "{shown}");
    // Who owes may pay all the same.
    let paid = paying.paid("5").await;
    tell(&shop.customer, &paid).await.data();
    assert_eq!(paying.balance().await, "4.895");
    state("Running").await;
}

async fn without_stripe_nobody_is_sent_anywhere_and_no_webhook_is_taken(database: Database) {
    let shop = Shop::open(on(&database)).await;
    let body = json!({"amount": "10"});
    let why = shop.customer.post(TOP_UP, &body).await.refusal(400);
    assert!(why.contains("ask the operator"), "{why}");
    let event = json!({"type": "checkout.session.completed"});
    tell(&shop.customer, &event).await.refusal(404);
    assert_eq!(balance(&shop).await, "25");
}
