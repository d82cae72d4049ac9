//! A parrot before a cloud's imitation: it passes calls on, or repeats to the caller all that the caller has just said, as
//! some proxies and some refusals do, or says nothing at all.
//!
//! What must stay true: what it passes on comes through unchanged, since calls to Amazon are signed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

/// Whose words it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    Amazon,
    DigitalOcean,
    Hetzner,
    Stripe,
}

/// What it does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It passes it on.
    Pass,
    /// It refuses it with that status, and repeats it.
    Repeat(u16),
    /// It is done, it says, and repeats it where something else should stand.
    Confuse,
}

/// A running one; shared by cloning.
#[derive(Clone)]
pub(crate) struct Parrot {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    tongue: Tongue,
    upstream: String,
    /// What it says besides to who says the first: a cloud knows what its callers only prove to know.
    known: Option<(String, String)>,
    /// Calls with these words get no answer, ever.
    silent_on: String,
    mood: Mutex<Mood>,
    repeated: AtomicUsize,
    http: reqwest::Client,
}

// === impl Parrot ===

impl Parrot {
    pub(crate) async fn start(
        tongue: Tongue,
        upstream: &str,
        known: Option<(&str, &str)>,
        silent_on: &str,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let parrot = Self {
            url: format!("http://{address}"),
            inner: Arc::new(Inner {
                tongue,
                upstream: upstream.to_owned(),
                known: known.map(|(key, secret)| (key.to_owned(), secret.to_owned())),
                silent_on: silent_on.to_owned(),
                mood: Mutex::new(Mood::Pass),
                repeated: AtomicUsize::new(0),
                http,
            }),
        };
        let router = Router::new().fallback(answer).with_state(parrot.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        parrot
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        *self
            .inner
            .mood
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// How often it has repeated what it heard.
    pub(crate) fn repeated(&self) -> usize {
        self.inner.repeated.load(Ordering::SeqCst)
    }

    pub(crate) fn mood(&self) -> Mood {
        *self
            .inner
            .mood
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(parrot): State<Parrot>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 22).await.unwrap_or_default();
    let inner = &parrot.inner;
    let mut said = format!(
        "{} {} {:?} {}",
        parts.method,
        parts.uri,
        parts.headers,
        String::from_utf8_lossy(&body)
    );
    if let Some((key, secret)) = &inner.known
        && said.contains(key)
    {
        said = format!("{secret} {said}");
    }
    if !inner.silent_on.is_empty() && said.contains(&inner.silent_on) {
        std::future::pending::<()>().await;
    }
    let mood = parrot.mood();
    if mood != Mood::Pass {
        inner.repeated.fetch_add(1, Ordering::SeqCst);
    }
    match mood {
        Mood::Repeat(status) => refusal(inner.tongue, status, &said),
        Mood::Confuse => confusion(inner.tongue, &said),
        Mood::Pass => {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let request = inner
                .http
                .request(parts.method, format!("{}{path}", inner.upstream));
            let answer = request.headers(parts.headers).body(body).send().await;
            let Ok(answer) = answer else {
                return refusal(inner.tongue, 502, "nobody is behind me");
            };
            let mut response = Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                response = response.header(name, value);
            }
            let body = answer.bytes().await.unwrap_or_default();
            response.body(Body::from(body)).expect("a response")
        }
    }
}

fn refusal(tongue: Tongue, status: u16, said: &str) -> Response {
    let body = match tongue {
        Tongue::Amazon => format!(
            "<Response><Errors><Error><Code>Repeated</Code><Message>You said {}</Message></Error></Errors>\
             <RequestID>r</RequestID></Response>",
            said.replace('&', "&amp;").replace('<', "&lt;")
        ),
        Tongue::DigitalOcean => format!(r#"{{"id": "repeated", "message": {}}}"#, in_json(said)),
        Tongue::Hetzner => format!(
            r#"{{"error": {{"code": {said}, "message": {said}, "details": null}}}}"#,
            said = in_json(said)
        ),
        Tongue::Stripe => format!(
            r#"{{"error": {{"code": "repeated", "message": {}}}}}"#,
            in_json(said)
        ),
    };
    response(status, body)
}

/// A text with what was said, in letters as JSON may have them and as they are.
fn in_json(said: &str) -> String {
    let letters: String = said
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let plain = json!(said).to_string().replace('/', "\\/");
    format!(r#""you said {letters}: {}"#, &plain[1..])
}

/// What was said, in every place where a list, an object or a number would be.
fn confusion(tongue: Tongue, said: &str) -> Response {
    let body = match tongue {
        Tongue::Amazon => {
            let said = said.replace('&', "&amp;").replace('<', "&lt;");
            let state = format!("<instanceState><code>{said}</code></instanceState>");
            let instance = format!("<item><instancesSet><item>{state}</item></instancesSet></item>");
            format!("<R><reservationSet>{instance}</reservationSet><regionInfo>{said}</regionInfo><{said}/></R>")
        }
        _ => json!({
            "account": said, "droplet": said, "droplets": said, "action": said, "actions": said, "sizes": said,
            "regions": said, "firewalls": said, "firewall": said, "ssh_key": said, "tag": said, "links": said,
            "url": 7, "id": said, "server": said, "servers": said, "server_types": said, "locations": said, "images": said,
            "ssh_keys": said, "networks": said, "network": said, "meta": said,
        })
        .to_string(),
    };
    response(200, body)
}

fn response(status: u16, body: String) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/octet-stream")
        .body(Body::from(body))
        .expect("a response")
}
