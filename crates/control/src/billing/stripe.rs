//! Stripe Checkout: the page that customers are sent to, and the webhook that tells what they have paid.
//!
//! This is the one place outside the clouds' drivers that speaks to somebody over HTTP. It belongs here rather than to
//! `clouds`, which knows no customers; the address is Stripe's own or the operator's, never a customer's, so that nobody is
//! led elsewhere by it. What must stay true: redirects and proxies are not followed; every call has its limits; the secret
//! key is in no message; a request that is sent again bears the same key, and is one payment.

use std::time::Duration;

use aws_lc_rs::hmac;
use domain::{Error, ErrorKind, Money, Result, Timestamp, random};
use futures::future::BoxFuture;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::payment::{Paid, PaymentProvider, TopUp};
use super::settings::StripeSettings;

/// Where Stripe is.
const STRIPE: &str = "https://api.stripe.com";

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a call may take.
const CALL: Duration = Duration::from_secs(30);

/// The longest answer that is read.
const LONGEST_ANSWER: usize = 1 << 20;

/// How far the time of a webhook may be from ours.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Currencies without smaller coins.
const WHOLE: [&str; 16] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv",
    "xaf", "xof", "xpf",
];

/// Currencies with coins of a thousandth.
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

pub(crate) struct Stripe {
    http: reqwest::Client,
    settings: StripeSettings,
}

/// A checkout session that was made.
#[derive(Deserialize)]
struct Made {
    url: String,
}

#[derive(Deserialize)]
struct Refused {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    message: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: serde_json::Value,
}

/// A checkout session as a webhook tells of it.
#[derive(Deserialize)]
struct Session {
    id: String,
    payment_status: String,
    amount_total: i64,
    currency: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    installation: Option<String>,
    organisation: Option<String>,
}

// === impl Stripe ===

impl Stripe {
    /// Errors: `Invalid` where the connection can't be set up.
    pub(crate) fn new(settings: StripeSettings) -> Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(CALL)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| {
                Error::invalid("the connection to Stripe can't be set up").source(error)
            })?;
        Ok(Self { http, settings })
    }

    async fn make(&self, wanted: &TopUp) -> Result<String> {
        let currency = wanted.currency.to_lowercase();
        let amount = minor(wanted.amount, &currency)?.to_string();
        let organisation = wanted.organisation.as_str();
        let form = [
            ("mode", "payment"),
            ("success_url", &self.settings.success_url),
            ("cancel_url", &self.settings.cancel_url),
            ("client_reference_id", organisation),
            ("metadata[organisation]", organisation),
            ("metadata[installation]", &wanted.installation),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &amount),
            ("line_items[0][price_data][product_data][name]", "Balance"),
        ];
        let key = random::hex::<16>();
        let url = self.settings.api_base.as_deref().unwrap_or(STRIPE);
        let url = format!("{url}/v1/checkout/sessions");
        let send = || {
            self.http
                .post(&url)
                .bearer_auth(self.settings.secret_key.expose_secret())
                .header("Idempotency-Key", &key)
                .form(&form)
                .send()
        };
        // What was lost on the way is sent once more, with the same key.
        let answer = match send().await {
            Ok(answer) if !answer.status().is_server_error() => answer,
            _ => send()
                .await
                .map_err(|error| away("it did not answer").source(error.without_url()))?,
        };
        let (status, body) = (answer.status(), read(answer).await?);
        if status == StatusCode::OK {
            let made: Made = serde_json::from_slice(&body)
                .map_err(|error| away("its answer can't be read").source(error))?;
            return Ok(made.url);
        }
        let why = serde_json::from_slice::<Refused>(&body)
            .ok()
            .and_then(|refused| refused.error.message)
            .unwrap_or_default();
        // The words are for the operator: there may be something about the account in them.
        Err(away("it refused").context(format!("Stripe answered {status}: {why}")))
    }
}

fn away(why: &str) -> Error {
    Error::new(
        ErrorKind::CloudUnavailable,
        format!(
            "the payment provider can't be used now: {why}; nothing was paid: try again in a while"
        ),
    )
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| away("its answer was cut off").source(error.without_url()))?
    {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(away("its answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl PaymentProvider for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn signature_header(&self) -> &'static str {
        "stripe-signature"
    }

    fn begin<'a>(&'a self, wanted: &'a TopUp) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.make(wanted))
    }

    fn told(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Option<Paid>> {
        verify(&self.settings.webhook_secret, signature, body, now)?;
        let unread = |error| Error::invalid("the webhook can't be read").source(error);
        let event: Event = serde_json::from_slice(body).map_err(unread)?;
        let ends = [
            "checkout.session.completed",
            "checkout.session.async_payment_succeeded",
        ];
        if !ends.contains(&event.r#type.as_str()) {
            return Ok(None);
        }
        let session: Session = serde_json::from_value(event.data.object).map_err(unread)?;
        // A session that is completed may be paid later, by bank for one; that is told of then.
        if session.payment_status != "paid" {
            return Ok(None);
        }
        let (Some(organisation), Some(installation)) =
            (session.metadata.organisation, session.metadata.installation)
        else {
            // A session that something else has made with the same account.
            return Ok(None);
        };
        Ok(Some(Paid {
            amount: major(session.amount_total, &session.currency)?,
            id: session.id,
            organisation: organisation.parse()?,
            installation,
            currency: session.currency,
        }))
    }
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

/// How many units of ours a currency's smallest coin has.
fn coin(currency: &str) -> i64 {
    let currency = currency.to_lowercase();
    if WHOLE.contains(&currency.as_str()) {
        1_000_000
    } else if THOUSANDTHS.contains(&currency.as_str()) {
        1_000
    } else {
        10_000
    }
}

/// An amount in a currency's smallest coins. Errors: `Invalid` where it does not come out even.
fn minor(amount: Money, currency: &str) -> Result<i64> {
    let coin = coin(currency);
    if amount.0 % coin == 0 {
        return Ok(amount.0 / coin);
    }
    Err(Error::invalid(format!(
        "{amount} can't be paid in coins of {}; nothing was done",
        currency.to_uppercase()
    ))
    .field("amount"))
}

/// An amount of a currency's smallest coins.
fn major(coins: i64, currency: &str) -> Result<Money> {
    Money(coin(currency)).times(coins)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
    const ORGANISATION: &str = "0123456789abcdef01234567";

    fn stripe() -> Stripe {
        Stripe::new(StripeSettings {
            secret_key: SecretString::from("sk_test"),
            webhook_secret: SecretString::from("whsec_test"),
            success_url: "https://shop.example/paid".to_owned(),
            cancel_url: "https://shop.example/".to_owned(),
            api_base: None,
        })
        .expect("is set up")
    }

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
        stripe().told(signature, body, NOW)
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
        let other = json!({"type": "invoice.paid", "data": {"object": {}}}).to_string();
        let foreign = json!({
            "type": "checkout.session.completed",
            "data": {"object": {"id": "cs_2", "payment_status": "paid", "amount_total": 1, "currency": "usd"}},
        });
        for body in [
            completed("unpaid"),
            other.into_bytes(),
            foreign.to_string().into_bytes(),
        ] {
            let signature = format!("t={at},v1={}", signed("whsec_test", at, &body));
            assert_eq!(told(&signature, &body).expect("is read"), None);
        }
    }

    #[test]
    fn coins_are_counted_exactly() {
        assert_eq!(minor(Money(10_500_000), "usd").expect("even"), 1050);
        assert_eq!(minor(Money(10_000_000), "jpy").expect("even"), 10);
        assert_eq!(minor(Money(10_001_000), "kwd").expect("even"), 10_001);
        assert!(minor(Money(10_005_000), "usd").is_err());
        assert!(minor(Money(10_500_000), "jpy").is_err());
        assert_eq!(major(1050, "USD").expect("fits"), Money(10_500_000));
        assert_eq!(major(7, "jpy").expect("fits"), Money(7_000_000));
        assert!(major(i64::MAX, "usd").is_err());
    }

    #[test]
    fn no_secret_is_printed() {
        let printed = format!("{:?}", stripe().settings);
        assert!(
            !printed.contains("sk_test") && !printed.contains("whsec_test"),
            "{printed}"
        );
    }
}
