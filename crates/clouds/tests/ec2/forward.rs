//! The way to moto: past what it does not have.
//!
//! Used by `rig`. What must stay true: nothing but the tags of what an image keeps of disks is left out (moto's `CreateImage`
//! breaks over them), and nothing is added.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use reqwest::Client;
use tokio::net::TcpListener;

/// An address that leads to that one, which is moto's, as long as the test's own runtime is there.
pub(crate) async fn to_moto(moto: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let http = Client::builder().no_proxy().build().expect("builds");
    let router = Router::new().fallback(pass).with_state((http, moto));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    format!("http://{address}")
}

async fn pass(
    State((http, moto)): State<(Client, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Bytes) {
    let sent = http.post(moto).body(known(&body));
    let sent = ["authorization", "content-type"]
        .into_iter()
        .filter_map(|name| Some((name, headers.get(name)?)))
        .fold(sent, |sent, (name, value)| sent.header(name, value));
    let Ok(answer) = sent.send().await else {
        return (StatusCode::BAD_GATEWAY, Bytes::new());
    };
    let status = answer.status();
    (status, answer.bytes().await.unwrap_or_default())
}

/// A call without the tags that moto breaks over.
fn known(body: &[u8]) -> String {
    let fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let unknown: Vec<String> = fields
        .iter()
        .filter(|(_, value)| value == "snapshot")
        .filter_map(|(name, _)| Some(format!("{}.", name.strip_suffix(".ResourceType")?)))
        .collect();
    let is_known = |(name, _): &&(String, String)| {
        !unknown
            .iter()
            .any(|prefix| name.starts_with(prefix.as_str()))
    };
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields.iter().filter(is_known))
        .finish()
}
