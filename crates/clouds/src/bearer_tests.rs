//! The drivers that speak this way, against a cloud that repeats the token it was sent.

use axum::Router;
use axum::http::StatusCode;
use domain::credentials::Credentials;
use serde_json::json;

use super::*;
use crate::registry;

const TOKEN: &str = "canary/of+a~token-0123456789";

/// What the check of an account says where every call is answered so.
async fn refused(kind: &str, status: StatusCode, body: String) -> CloudError {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(move || std::future::ready((status, body)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let kind = registry::kind(kind).expect("is registered");
    let field = kind.fields[0].name;
    let options = json!({ "endpoint": format!("http://{address}") });
    let cloud = (kind.open)(Settings {
        region: String::new(),
        options: options.as_object().cloned().expect("an object"),
        credentials: Credentials::default().with(field, TOKEN),
        budget: Budget::default(),
    });
    cloud.expect("opens").check().await.expect_err("refused")
}

#[tokio::test]
async fn a_token_that_is_repeated_is_left_out_however_it_is_written_and_wherever_it_stands() {
    let slashes = TOKEN.replace('/', "\\/");
    let letters: String = TOKEN.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    for kind in ["digital_ocean", "hetzner"] {
        for token in [TOKEN, &slashes, &letters] {
            let as_documented = format!(
                r#"{{"message":"no: {token}","error":{{"code":"{token}","message":"no: {token}"}}}}"#
            );
            let another = format!(r#"{{"reason":"no: {token}"}}"#);
            // As long as an excerpt is, but for a part of the token.
            let cut_off = format!("{}{token}", "x".repeat(390));
            for body in [as_documented, another, cut_off] {
                let error = refused(kind, StatusCode::UNPROCESSABLE_ENTITY, body).await;
                assert!(error.message.contains("[a se"), "{kind}: {error}");
                for piece in ["canary", "0123456789", &letters[..12]] {
                    assert!(!error.message.contains(piece), "{kind}: {error}");
                }
            }
        }
    }
}
