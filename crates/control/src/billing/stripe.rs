//! Stripe Checkout: the page that customers are sent to, and the webhook that tells what they have paid.
//!
//! This is the one place outside the clouds' drivers that speaks to somebody over HTTP. It belongs here rather than to
//! `clouds`, which knows no customers; the address is Stripe's own or the operator's, never a customer's, so that nobody is
//! led elsewhere by it. What must stay true: redirects and proxies are not followed; every call has its limits; the secret
//! key is in no message and in no line of the log, though Stripe may repeat it; a request that is sent again bears the same
//! key, and is one payment.

mod coins;
mod webhook;

use std::time::Duration;

use domain::{Error, ErrorKind, Result, Timestamp, random};
use futures::future::BoxFuture;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use self::coins::minor;
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

/// What begins a key at Stripe.
const KEYS: [&str; 3] = ["sk_", "rk_", "whsec_"];

pub(crate) struct Stripe {
    http: reqwest::Client,
    settings: StripeSettings,
}

/// A checkout session that was made.
#[derive(Deserialize)]
struct Made {
    url: String,
}

#[derive(Default, Deserialize)]
struct Refused {
    error: Reason,
}

#[derive(Default, Deserialize)]
struct Reason {
    code: Option<String>,
    message: Option<String>,
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
        let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
        Err(refusal(status, refused.error, &self.settings.secret_key))
    }
}

/// What a refusal means: that this payment is none, which is the customer's business, or that we are nobody to Stripe or
/// come too often, which is not.
fn refusal(status: StatusCode, reason: Reason, secret_key: &SecretString) -> Error {
    let code = reason.code.unwrap_or_default();
    // The words are for the operator: there may be something about the account in them.
    let why = without_keys(&reason.message.unwrap_or_default(), secret_key);
    let context = format!("Stripe answered {status} {code:?}: {why}");
    if !matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED
    ) {
        return away("it refused").context(context);
    }
    // A customer's mistake, or a wrong address in the settings.
    tracing::warn!(%status, code, why, "Stripe does not take a payment");
    let why = match code.as_str() {
        "amount_too_small" => "the amount is too small",
        "amount_too_large" => "the amount is too large",
        _ => "it refuses this payment",
    };
    Error::invalid(format!(
        "the payment provider can't take that: {why}; nothing was paid: try another amount, or ask the operator"
    ))
    .field("amount")
    .context(context)
}

/// A text of Stripe's with nothing in it that is, or may be, a key.
fn without_keys(text: &str, secret_key: &SecretString) -> String {
    let words = text.split(' ').map(|word| {
        let is_key = |key: &str| !key.is_empty() && word.contains(key);
        if is_key(secret_key.expose_secret()) || KEYS.into_iter().any(is_key) {
            "[a key]"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
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

    fn told(
        &self,
        installation: &str,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Paid>> {
        let secret = &self.settings.webhook_secret;
        webhook::read(secret, installation, signature, body, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, message: &str) -> Error {
        let reason = Reason {
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
        };
        let status = StatusCode::from_u16(status).expect("a status");
        refusal(status, reason, &SecretString::from("odd.hunter2"))
    }

    #[test]
    fn a_payment_that_stripe_does_not_take_is_the_customers_business_and_a_key_it_does_not_know_is_not()
     {
        let small = refused(400, "amount_too_small", "at least $0.50 usd");
        assert_eq!(small.kind(), ErrorKind::Invalid);
        assert!(small.message().contains("too small"), "{small}");
        assert_eq!(refused(402, "", "").kind(), ErrorKind::Invalid);
        for status in [401, 403, 409, 429, 500] {
            let kind = refused(status, "", "").kind();
            assert_eq!(kind, ErrorKind::CloudUnavailable, "{status}");
        }
    }

    #[test]
    fn no_key_is_kept_of_what_stripe_says() {
        for message in [
            "Invalid API Key provided: sk_test_hunter2",
            "Invalid API Key provided: odd.hunter2",
            "Expired API Key provided: rk_live_hunter2.",
        ] {
            for status in [400, 401] {
                let error = refused(status, "api_key_expired", message);
                let all = format!("{error} {} {error:?}", error.private());
                assert!(!all.contains("hunter2"), "{all}");
                assert!(all.contains("API Key provided"), "{all}");
            }
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let settings = StripeSettings {
            secret_key: SecretString::from("sk_test"),
            webhook_secret: SecretString::from("whsec_test"),
            success_url: "https://shop.example/paid".to_owned(),
            cancel_url: "https://shop.example/".to_owned(),
            api_base: None,
        };
        let printed = format!("{:?}", Stripe::new(settings).expect("is set up").settings);
        assert!(
            !printed.contains("sk_test") && !printed.contains("whsec_test"),
            "{printed}"
        );
    }
}
