//! What belongs to no façade: health, metrics, the OpenAPI documents and their page.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use control::App;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use utoipa::openapi::OpenApi;

use super::ready::Ready;
use super::site;

/// Who may read the metrics: this machine, and who has the token.
#[derive(Clone, Default)]
pub struct MetricsAccess {
    /// Sent as `Authorization: Bearer TOKEN`.
    pub token: Option<SecretString>,
}

#[derive(Clone)]
struct System {
    app: App,
    metrics: MetricsAccess,
    documents: Documents,
    ready: Ready,
}

/// What each façade says of itself.
#[derive(Clone)]
pub(crate) struct Documents {
    pub(crate) cloudhero: OpenApi,
    pub(crate) cloudero: OpenApi,
}

pub(crate) fn router(app: App, metrics: MetricsAccess, documents: Documents) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route(
            "/openapi/cloudhero.json",
            get(|State(system): State<System>| async { Json(system.documents.cloudhero) }),
        )
        .route(
            "/openapi/cloudero.json",
            get(|State(system): State<System>| async { Json(system.documents.cloudero) }),
        )
        .route("/docs", get(|| async { Html(include_str!("docs.html")) }))
        .with_state(System {
            app,
            metrics,
            documents,
            ready: Ready::default(),
        })
}

/// Ready: the database takes writes, and its schema is this program's (which the start has made sure of).
async fn readyz(State(system): State<System>) -> Response {
    let look = async {
        system.app.store.check().await.map_err(|error| {
            tracing::warn!(error = error.private(), "not ready");
            error.message().to_owned()
        })
    };
    match system.ready.or_look(look).await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"error": error})),
        )
            .into_response(),
    }
}

async fn metrics_text(
    State(system): State<System>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers();
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let known = match (
        &system.metrics.token,
        sent.and_then(|value| value.strip_prefix("Bearer ")),
    ) {
        (Some(token), Some(sent)) => {
            control::accounts::passwords::same(token.expose_secret(), sent)
        }
        _ => false,
    };
    // Behind a proxy on this machine every peer is loopback: a forwarded request needs the token. So does one that a web
    // page may have sent.
    let local = peer.ip().is_loopback()
        && !site::is_forwarded(headers)
        && !site::is_by_a_foreign_name(&request);
    if !known && !local {
        let body =
            Json(json!({"error": "the metrics are for this machine, and for who has the token"}));
        return (StatusCode::FORBIDDEN, body).into_response();
    }
    match system.app.metrics.print(&system.app.store).await {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"error": error.message()})),
        )
            .into_response(),
    }
}
