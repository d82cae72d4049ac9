//! Customers who pay by themselves: the payment provider's side is played by a listener of the test's own.

use aws_lc_rs::hmac;
use control::billing::{self, StripeSettings};
use control::{App, Settings};
use domain::{ErrorKind, Money};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::common::{Customer, House, on_both, plan};

const SECRET: &str = "whsec_hunter2";

/// Answers each request with the next of these, and returns the requests as they came.
async fn provider(answers: Vec<(u16, Value)>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for (status, body) in answers {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            while !is_whole(&request) {
                let read = connection.read(&mut chunk).await.expect("reads");
                request.extend_from_slice(&chunk[..read]);
            }
            requests.push(String::from_utf8(request).expect("is text"));
            let body = body.to_string();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            connection
                .write_all(answer.as_bytes())
                .await
                .expect("writes");
        }
        requests
    });
    (format!("http://{address}"), serving)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

/// Arcus with an account at the provider there.
async fn with_provider(house: &House, base: &str) -> App {
    let mut settings: Settings = house.settings.clone();
    settings.billing.stripe = Some(StripeSettings {
        secret_key: SecretString::from("sk_hunter2"),
        webhook_secret: SecretString::from(SECRET),
        success_url: "https://shop.example/paid?x=1&y=2".to_owned(),
        cancel_url: "https://shop.example/".to_owned(),
        api_base: Some(base.to_owned()),
    });
    house.replica_with(settings).await
}

async fn told(app: &App, body: &Value) -> domain::Result<()> {
    let body = body.to_string();
    let at = app.clock().now().0 / 1_000_000;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hex::encode(hmac::sign(&key, format!("{at}.{body}").as_bytes()));
    billing::webhook(app, &format!("t={at},v1={signature}"), body.as_bytes()).await
}

fn paid(app: &App, customer: &Customer, session: &str, currency: &str) -> Value {
    json!({"type": "checkout.session.completed", "data": {"object": {
        "id": session, "payment_status": "paid", "amount_total": 1050, "currency": currency,
        "metadata": {
            "organisation": customer.actor.organisation.public_id, "installation": app.installation,
        },
    }}})
}

on_both! {
    async fn a_customer_is_sent_to_the_providers_page_for_exactly_the_amount(house: House) {
        let customer = house.customer("acme").await;
        let url = json!({"id": "cs_1", "url": "https://checkout.stripe.com/c/pay/cs_1"});
        let broken = (500, json!({"error": {"message": "try again"}}));
        let (base, serving) = provider(vec![broken, (200, url)]).await;
        let app = with_provider(&house, &base).await;
        let sent = billing::start_top_up(&app, &customer.actor, Money(10_500_000)).await;
        assert_eq!(sent.expect("begins"), "https://checkout.stripe.com/c/pay/cs_1");
        let requests = serving.await.expect("serves");
        let key = |request: &str| {
            let lines = request.lines();
            let mut keys = lines.filter(|line| line.to_lowercase().starts_with("idempotency-key: "));
            keys.next().expect("a key").to_owned()
        };
        assert_eq!(key(&requests[0]), key(&requests[1]), "a request that is sent again is the same payment");
        let (head, body) = requests[1].split_once("\r\n\r\n").expect("a request");
        assert!(head.starts_with("POST /v1/checkout/sessions HTTP/1.1"), "{head}");
        assert!(head.contains("Bearer sk_hunter2"), "{head}");
        for part in [
            "mode=payment",
            "unit_amount%5D=1050",
            "currency%5D=usd",
            "success_url=https%3A%2F%2Fshop.example%2Fpaid%3Fx%3D1%26y%3D2",
            customer.actor.organisation.public_id.as_str(),
            &app.installation,
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert_eq!(house.balance(&customer).await, Money(0), "nothing was paid yet");
    }

    async fn what_the_provider_refuses_is_told_without_its_secrets(house: House) {
        let customer = house.customer("acme").await;
        let refused = json!({"error": {"message": "Invalid API Key provided: sk_hunter2"}});
        let (base, serving) = provider(vec![(401, refused)]).await;
        let app = with_provider(&house, &base).await;
        let sent = billing::start_top_up(&app, &customer.actor, Money(10_000_000)).await;
        let error = sent.expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::CloudUnavailable);
        assert!(!error.message().contains("hunter2"), "{error}");
        serving.await.expect("serves");
    }

    async fn an_amount_that_does_not_come_out_even_in_coins_is_refused_before_anybody_is_asked(house: House) {
        let customer = house.customer("acme").await;
        let app = with_provider(&house, "http://127.0.0.1:1").await;
        for amount in [0, -1, 10_001_000] {
            let sent = billing::start_top_up(&app, &customer.actor, Money(amount)).await;
            assert_eq!(sent.expect_err("is refused").kind(), ErrorKind::Invalid, "{amount}");
        }
    }

    async fn where_no_provider_is_set_a_customer_is_told_whom_to_ask_and_a_webhook_is_none(house: House) {
        let customer = house.customer("acme").await;
        let sent = billing::start_top_up(&house.app, &customer.actor, Money(10_000_000)).await;
        assert!(sent.expect_err("is refused").message().contains("operator"));
        assert_eq!(billing::signature_header(&house.app), None);
        let told = billing::webhook(&house.app, "", b"{}").await;
        assert_eq!(told.expect_err("is none").kind(), ErrorKind::NotFound);
    }

    async fn a_payment_that_the_provider_tells_of_again_and_again_counts_once(house: House) {
        let customer = house.customer("acme").await;
        let app = with_provider(&house, "http://127.0.0.1:1").await;
        for _ in 0..3 {
            told(&app, &paid(&app, &customer, "cs_1", "usd")).await.expect("is noted");
        }
        assert_eq!(house.balance(&customer).await, Money(10_500_000));
        told(&app, &paid(&app, &customer, "cs_2", "USD")).await.expect("is noted");
        assert_eq!(house.balance(&customer).await, Money(21_000_000));
        assert_eq!(house.transactions(&customer).await.len(), 2);
        house.assert_adds_up().await;
    }

    async fn a_payment_of_which_two_replicas_are_told_at_once_counts_once(house: House) {
        let customer = house.customer("acme").await;
        let one = with_provider(&house, "http://127.0.0.1:1").await;
        let other = with_provider(&house, "http://127.0.0.1:1").await;
        for number in 1..=10 {
            let paid = paid(&one, &customer, &format!("cs_{number}"), "usd");
            let both = tokio::join!(told(&one, &paid), told(&other, &paid));
            both.0.expect("is noted");
            both.1.expect("is noted");
            assert_eq!(house.balance(&customer).await, Money(number * 10_500_000));
        }
        assert_eq!(house.transactions(&customer).await.len(), 10);
        house.assert_adds_up().await;
    }

    async fn a_payment_that_covers_what_is_owed_ends_the_suspension(house: House) {
        let customer = house.customer("acme").await;
        let app = with_provider(&house, "http://127.0.0.1:1").await;
        let organisation = customer.actor.organisation.id;
        house.server(&customer, &plan(10, 1000)).await;
        house.charge().await;
        let before = store::customers::suspension(&mut house.read().await, organisation).await;
        assert_ne!(before.expect("is known"), None);
        told(&app, &paid(&app, &customer, "cs_1", "usd")).await.expect("is noted");
        let after = store::customers::suspension(&mut house.read().await, organisation).await;
        assert_eq!(after.expect("is known"), None);
        assert_eq!(house.balance(&customer).await, Money(10_500_000 - 10));
        house.assert_adds_up().await;
    }

    async fn another_currency_another_installation_and_a_forged_webhook_bring_nothing(house: House) {
        let customer = house.customer("acme").await;
        let app = with_provider(&house, "http://127.0.0.1:1").await;
        let error = told(&app, &paid(&app, &customer, "cs_1", "eur")).await.expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let mut elsewhere = paid(&app, &customer, "cs_1", "usd");
        elsewhere["data"]["object"]["metadata"]["installation"] = json!("another");
        told(&app, &elsewhere).await.expect("is left to the other");
        let body = paid(&app, &customer, "cs_1", "usd").to_string();
        let forged = billing::webhook(&app, "t=1,v1=00", body.as_bytes()).await;
        assert_eq!(forged.expect_err("is forged").kind(), ErrorKind::Unauthenticated);
        assert_eq!(house.transactions(&customer).await, []);
    }
}
