//! What Stripe tells by its webhook, and whether it was Stripe.
//!
//! What must stay true: whatever else uses the same account is none of our business, however it looks: Stripe is told that
//! all is well, or it would go on telling for days and give this address up in the end.

use std::time::Duration;

use aws_lc_rs::hmac;
use domain::{Error, ErrorKind, Result, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::coins::major;
use crate::billing::payment::Paid;

/// How far the time of a webhook may be from ours.
const TOLERANCE: Duration = Duration::from_secs(300);

/// The events with which a payment is there.
const ENDS: [&str; 2] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
];

#[derive(Deserialize)]
struct Event {
    r#type: String,
    #[serde(default)]
    data: Value,
}

/// A checkout session of ours.
#[derive(Deserialize)]
struct Session {
    id: String,
    payment_status: String,
    amount_total: i64,
    currency: String,
}

/// The payment of which this tells, if it was begun at this installation.
pub(super) fn read(
    secret: &SecretString,
    installation: &str,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Option<Paid>> {
    verify(secret, signature, body, now)?;
    let unread = |error| Error::invalid("the webhook can't be read").source(error);
    let mut event: Event = serde_json::from_slice(body).map_err(unread)?;
    if !ENDS.contains(&event.r#type.as_str()) {
        return Ok(None);
    }
    let object = event.data.get_mut("object").map(Value::take);
    let object = object.unwrap_or_default();
    // Before anything else of it is looked at: what bears no mark of ours may lack whatever ours have.
    let mark = |name: &str| object["metadata"][name].as_str();
    let (Some(organisation), Some(begun_at)) = (mark("organisation"), mark("installation")) else {
        return Ok(None);
    };
    if begun_at != installation {
        tracing::info!("a payment at another installation was told of here");
        return Ok(None);
    }
    let organisation = organisation.parse()?;
    let session: Session = serde_json::from_value(object).map_err(unread)?;
    // A session that is completed may be paid later, by bank for one; that is told of then.
    if session.payment_status != "paid" {
        return Ok(None);
    }
    Ok(Some(Paid {
        amount: major(session.amount_total, &session.currency)?,
        id: session.id,
        organisation,
        currency: session.currency,
    }))
}

/// Whether Stripe has signed this, and lately: while a secret is being replaced it signs with both.
fn verify(secret: &SecretString, signature: &str, body: &[u8], now: Timestamp) -> Result<()> {
    let refused = |why: &'static str| Err(Error::new(ErrorKind::Unauthenticated, why));
    let mut at = None;
    let mut given = Vec::new();
    for part in signature.split(',') {
        match part.trim().split_once('=') {
            Some(("t", time)) => at = time.parse::<i64>().ok(),
            Some(("v1", digits)) => given.extend(hex::decode(digits).ok()),
            _ => {}
        }
    }
    let Some(at) = at else {
        return refused("the webhook's signature has no time");
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let mut signed = format!("{at}.").into_bytes();
    signed.extend_from_slice(body);
    // Each comparison takes the same time, whatever it compares.
    if !given
        .iter()
        .any(|given| hmac::verify(&key, &signed, given).is_ok())
    {
        return refused("the webhook's signature is not the payment provider's");
    }
    let signed_at = Timestamp(at.saturating_mul(1_000_000));
    if now.since(signed_at).max(signed_at.since(now)) > TOLERANCE {
        return refused("the webhook was signed too long ago, or this machine's clock is wrong");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::Money;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
    const ORGANISATION: &str = "0123456789abcdef01234567";

    fn signed(secret: &str, at: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = [format!("{at}.").as_bytes(), body].concat();
        hex::encode(hmac::sign(&key, &signed))
    }

    fn completed(status: &str) -> Vec<u8> {
        json!({
            "type": "checkout.session.completed",
            "data": {"object": {
                "id": "cs_1", "payment_status": status, "amount_total": 1050, "currency": "usd",
                "metadata": {"organisation": ORGANISATION, "installation": "here"},
            }},
        })
        .to_string()
        .into_bytes()
    }

    fn told(signature: &str, body: &[u8]) -> Result<Option<Paid>> {
        read(
            &SecretString::from("whsec_test"),
            "here",
            signature,
            body,
            NOW,
        )
    }

    #[test]
    fn what_stripe_has_signed_lately_is_believed() {
        let body = completed("paid");
        let at = NOW.0 / 1_000_000;
        let good = signed("whsec_test", at, &body);
        let paid = told(&format!("t={at},v1={good},v0=aa"), &body).expect("is believed");
        let paid = paid.expect("is a payment");
        assert_eq!((paid.id.as_str(), paid.amount), ("cs_1", Money(10_500_000)));
        assert_eq!(paid.organisation.as_str(), ORGANISATION);
    }

    #[test]
    fn one_good_signature_of_several_suffices() {
        let body = completed("paid");
        let at = NOW.0 / 1_000_000;
        let (old, good) = (
            signed("whsec_old", at, &body),
            signed("whsec_test", at, &body),
        );
        let signature = format!("t={at}, v1={old}, v1={good}");
        assert!(told(&signature, &body).expect("is believed").is_some());
    }

    #[test]
    fn what_somebody_else_has_signed_or_stripe_long_ago_is_refused() {
        let body = completed("paid");
        let at = NOW.0 / 1_000_000;
        let good = |at| signed("whsec_test", at, &body);
        for (signature, why) in [
            (String::new(), "nothing"),
            (format!("v1={}", good(at)), "no time"),
            (format!("t={at}"), "no signature"),
            (format!("t={at},v1="), "an empty one"),
            (format!("t={at},v1=zz"), "no digits"),
            (
                format!("t={at},v1={}", signed("other", at, &body)),
                "another's",
            ),
            (format!("t={at},v0={}", good(at)), "another scheme"),
            (format!("t={},v1={}", at + 1, good(at)), "another time"),
            (format!("t={0},v1={1}", at - 301, good(at - 301)), "too old"),
            (format!("t={0},v1={1}", at + 301, good(at + 301)), "too new"),
        ] {
            let error = told(&signature, &body).expect_err(why);
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{why}");
        }
        let mut changed = body.clone();
        changed.push(b' ');
        let signature = format!("t={at},v1={}", good(at));
        assert!(told(&signature, &changed).is_err(), "another body");
        assert!(told(&format!("t={0},v1={1}", at - 300, good(at - 300)), &body).is_ok());
    }

    #[test]
    fn what_is_not_paid_or_no_checkout_of_ours_is_no_payment() {
        let at = NOW.0 / 1_000_000;
        let completed_with = |object: Value| {
            let event = json!({"type": "checkout.session.completed", "data": {"object": object}});
            event.to_string().into_bytes()
        };
        let elsewhere = json!({"organisation": ORGANISATION, "installation": "there"});
        for body in [
            completed("unpaid"),
            json!({"type": "invoice.paid", "data": {"object": {}}})
                .to_string()
                .into_bytes(),
            // An event of Stripe's second kind has no object.
            json!({"type": "v2.core.account.closed"})
                .to_string()
                .into_bytes(),
            completed_with(
                json!({"id": "cs_2", "payment_status": "paid", "amount_total": 1, "currency": "usd"}),
            ),
            // Of another program with the same account: one that only notes a card, one with marks of its own.
            completed_with(json!({
                "id": "cs_3", "mode": "setup", "payment_status": "no_payment_required", "amount_total": null,
                "currency": null, "metadata": {},
            })),
            completed_with(
                json!({"id": "cs_4", "amount_total": null, "metadata": {"organisation": "7", "order": "1"}}),
            ),
            completed_with(json!({"id": "cs_5", "metadata": null})),
            completed_with(json!({"id": "cs_6", "amount_total": null, "metadata": elsewhere})),
        ] {
            let signature = format!("t={at},v1={}", signed("whsec_test", at, &body));
            assert_eq!(told(&signature, &body).expect("is read"), None);
        }
    }
}
