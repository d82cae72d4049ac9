//! What Stripe, or somebody in its name, tells of payments: it counts once, and where it is signed alone.

use serde_json::{Value, json};
use testkit::Database;

use crate::desk::{said, with_the_database};
use crate::payments::Paying;
use crate::stripe_stand_in::{WEBHOOK_SECRET, deliver, now, signature, tell};

with_the_database![
    a_payment_that_is_told_eight_times_at_once_to_two_replicas_is_credited_once,
    what_stripe_has_not_signed_or_not_lately_is_refused,
    a_payment_in_another_currency_is_refused,
    what_is_not_paid_or_not_for_us_changes_nothing,
];

async fn a_payment_that_is_told_eight_times_at_once_to_two_replicas_is_credited_once(
    database: Database,
) {
    let paying = Paying::start(&database).await;
    let body = paying.paid("10.50").await.to_string();
    let signed = signature(WEBHOOK_SECRET, now(), &body);
    // Half of them at another replica: what one knows the other has to know.
    let replica = paying.shop.arcus.replica().await;
    let bases = [paying.shop.arcus.base(), replica.base()];
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let client = paying.shop.customer.at(bases[number % 2]);
            let (signed, body) = (signed.clone(), body.clone());
            tokio::spawn(async move { deliver(&client, &signed, &body).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("ends").data(), true);
    }
    assert_eq!(paying.balance().await, "35.5");
    assert_eq!(paying.payments().await.len(), 1);
    said(&paying.shop.arcus, &["billing", "verify"]);
}

async fn what_stripe_has_not_signed_or_not_lately_is_refused(database: Database) {
    let paying = Paying::start(&database).await;
    let client = &paying.shop.customer;
    let paid = paying.paid("10.50").await;
    let body = paid.to_string();
    let now = now();
    let good = signature(WEBHOOK_SECRET, now, &body);
    let digits = good.split_once(",v1=").expect("digits").1;
    for (signature, why) in [
        (String::new(), "nothing"),
        (signature("whsec_other", now, &body), "another secret"),
        (signature(WEBHOOK_SECRET, now - 600, &body), "too old"),
        (signature(WEBHOOK_SECRET, now + 600, &body), "too new"),
        (format!("t={},v1={digits}", now + 1), "another time"),
        (format!("t={now}"), "no signature"),
        (format!("t={now},v0={digits}"), "another scheme"),
    ] {
        let answer = deliver(client, &signature, &body).await;
        assert_eq!(answer.status, 401, "{why}: {}", answer.text);
    }
    let unsigned = client.anonymous().post("/v1/payment/webhook", &paid).await;
    unsigned.refusal(401);
    // A good signature is for one body, and for no other amount.
    let mut more = paid.clone();
    more["data"]["object"]["amount_total"] = json!(1_050_000);
    deliver(client, &good, &more.to_string()).await.refusal(401);
    assert_eq!(paying.balance().await, "25");
    assert!(paying.payments().await.is_empty());
    // It was none of the others that stood in its way.
    deliver(client, &good, &body).await.data();
    assert_eq!(paying.balance().await, "35.5");
}

async fn a_payment_in_another_currency_is_refused(database: Database) {
    let paying = Paying::start(&database).await;
    let mut paid = paying.paid("10.50").await;
    paid["data"]["object"]["currency"] = json!("eur");
    let why = tell(&paying.shop.customer, &paid).await.refusal(400);
    assert!(
        why.contains("USD") && why.contains("nothing was noted"),
        "{why}"
    );
    for amount in [
        json!(0),
        json!(-1050),
        json!(10.5),
        json!("1050"),
        json!(null),
    ] {
        let mut wrong = paying.stripe.paid(0);
        wrong["data"]["object"]["amount_total"] = amount;
        tell(&paying.shop.customer, &wrong).await.refusal(400);
    }
    assert_eq!(paying.balance().await, "25");
}

async fn what_is_not_paid_or_not_for_us_changes_nothing(database: Database) {
    let paying = Paying::start(&database).await;
    let paid = paying.paid("10.50").await;
    let with = |pointer: &str, value: Value| {
        let mut event = paid.clone();
        *event.pointer_mut(pointer).expect("is there") = value;
        event
    };
    for event in [
        with("/type", json!("checkout.session.expired")),
        with("/data/object/payment_status", json!("unpaid")),
        with("/data/object/metadata/installation", json!("another")),
        with("/data/object/metadata", json!({})),
    ] {
        // Stripe is told that all is well, or it would go on telling for days.
        tell(&paying.shop.customer, &event).await.data();
    }
    let stranger = with(
        "/data/object/metadata/organisation",
        json!("0123456789abcdef01234567"),
    );
    tell(&paying.shop.customer, &stranger).await.refusal(404);
    assert_eq!(paying.balance().await, "25");
}
