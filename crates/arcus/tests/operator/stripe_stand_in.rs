//! As much of Stripe as a top-up takes: it makes checkout sessions over HTTP on loopback, and signs what it tells of them.
//!
//! Configured as an operator would: `api_base` of `[billing.stripe]` leads here. The signature is made by `openssl`, so that
//! not one and the same code signs and verifies.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use axum::{Json, Router};
use domain::Clock;
use serde_json::{Value, json};
use testkit::{Answer, Client, Method};
use tokio::net::TcpListener;

/// The secret key of the operator's account; nobody may be shown it.
pub(crate) const SECRET_KEY: &str = "sk_test_hunter2";

/// What its webhooks are signed with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_hunter2";

/// A checkout session that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The fields of the form.
    pub(crate) form: HashMap<String, String>,
    /// How the caller says who it is.
    pub(crate) authorization: String,
}

/// Stripe.
#[derive(Clone)]
pub(crate) struct StripeStandIn {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    refuses: Arc<AtomicBool>,
}

// === impl StripeStandIn ===

impl StripeStandIn {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let stripe = Self {
            base: format!("http://{}", listener.local_addr().expect("an address")),
            asked: Arc::default(),
            refuses: Arc::default(),
        };
        let routes = Router::new().route("/v1/checkout/sessions", post(make));
        let routes = routes.with_state(stripe.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        stripe
    }

    /// The lines of `arcus.toml` that lead here.
    pub(crate) fn file(&self) -> String {
        format!(
            "[billing.stripe]\nsecret_key = \"{SECRET_KEY}\"\nwebhook_secret = \"{WEBHOOK_SECRET}\"\n\
             success_url = \"https://shop.example/paid\"\ncancel_url = \"https://shop.example/\"\napi_base = \"{}\"\n",
            self.base
        )
    }

    /// From now on it knows nobody.
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    /// The sessions that were asked for.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("what was asked").clone()
    }

    /// What it tells of the session of that number once it is paid.
    pub(crate) fn paid(&self, number: usize) -> Value {
        let form = self.asked()[number].form.clone();
        let amount = &form["line_items[0][price_data][unit_amount]"];
        json!({
            "id": format!("evt_{number}"), "object": "event", "type": "checkout.session.completed",
            "data": {"object": {
                "id": format!("cs_test_{number}"), "object": "checkout.session", "mode": "payment",
                "payment_status": "paid", "amount_total": amount.parse::<i64>().expect("coins"),
                "currency": form["line_items[0][price_data][currency]"],
                "client_reference_id": form["client_reference_id"],
                "metadata": {
                    "organisation": form["metadata[organisation]"],
                    "installation": form["metadata[installation]"],
                },
            }},
        })
    }
}

/// Makes a checkout session.
async fn make(
    State(stripe): State<StripeStandIn>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    if stripe.refuses.load(Ordering::SeqCst) {
        let message = format!("Invalid API Key provided: {SECRET_KEY}");
        let error = json!({"error": {"type": "invalid_request_error", "message": message}});
        return (StatusCode::UNAUTHORIZED, Json(error));
    }
    // A form in a body is written as a query is.
    let uri: Uri = format!("/?{body}").parse().expect("a form");
    let Query(form) = Query::try_from_uri(&uri).expect("a form");
    let authorization = headers["authorization"].to_str().expect("a text");
    let asked = Asked {
        form,
        authorization: authorization.to_owned(),
    };
    let mut all = stripe.asked.lock().expect("what was asked");
    let id = format!("cs_test_{}", all.len());
    all.push(asked);
    let url = format!("https://checkout.stripe.com/c/pay/{id}");
    let made = json!({"id": id, "object": "checkout.session", "url": url});
    (StatusCode::OK, Json(made))
}

/// The present moment as Stripe writes it, in seconds.
pub(crate) fn now() -> i64 {
    Clock::System.now().0 / 1_000_000
}

/// The header of a webhook that was signed at that time with that secret.
pub(crate) fn signature(secret: &str, at: i64, body: &str) -> String {
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    let mut stdin = child.stdin.take().expect("its input");
    write!(stdin, "{at}.{body}").expect("it listens");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let printed = String::from_utf8(output.stdout).expect("is text");
    let digits = printed.split_whitespace().last().expect("digits");
    format!("t={at},v1={digits}")
}

/// Delivers a webhook with that signature.
pub(crate) async fn deliver(client: &Client, signature: &str, body: &str) -> Answer {
    let request = client
        .anonymous()
        .request(Method::POST, "/v1/payment/webhook")
        .header("Stripe-Signature", signature)
        .header("Content-Type", "application/json; charset=utf-8")
        .body(body.to_owned());
    client.send(request).await
}

/// Delivers what Stripe tells, signed as it should be.
pub(crate) async fn tell(client: &Client, event: &Value) -> Answer {
    let body = event.to_string();
    let signed = signature(WEBHOOK_SECRET, now(), &body);
    deliver(client, &signed, &body).await
}
