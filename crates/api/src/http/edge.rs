//! The outermost layer: gives each request an id, times it, logs it once, turns other sites away, and lets the façade
//! render its errors.
//!
//! A handler fails with [`Failure`]; its answer is made here, where the request's id is known.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use control::App;
use domain::{Error, ErrorKind, random};

use super::body::discard;
use super::site;

/// The header that carries the request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request at hand.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Why a request was not answered as it wished.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) error: Arc<Error>,
    /// Where HTTP itself says more than the error's kind does (405, 408, 413).
    pub(crate) status: Option<StatusCode>,
}

/// How a façade prints an error.
pub(crate) type Render = fn(&Failure, &RequestId) -> Response;

/// What the layer works with.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) app: App,
    pub(crate) render: Render,
}

// === impl Failure ===

impl Failure {
    /// A failure of HTTP's own.
    pub(crate) fn http(status: StatusCode, message: &'static str) -> Self {
        let kind = if status.is_server_error() {
            ErrorKind::Internal
        } else {
            ErrorKind::Invalid
        };
        Self {
            error: Arc::new(Error::new(kind, message)),
            status: Some(status),
        }
    }

    /// The status that it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| status(self.error.kind()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error: Arc::new(error),
            status: None,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The one map from what went wrong to an HTTP status.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid | ErrorKind::CloudRejected => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Payment => StatusCode::PAYMENT_REQUIRED,
        ErrorKind::Forbidden | ErrorKind::Quota => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Exists | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorKind::CloudUnavailable => StatusCode::BAD_GATEWAY,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The layer.
pub(crate) async fn layer(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(random::hex::<8>());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched
        .as_ref()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let mut response = match site::check(&request) {
        Ok(()) => next.run(request).await,
        Err(failure) => {
            discard(request.into_body()).await;
            failure.into_response()
        }
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        log(&failure, &id, method.as_str(), &route);
        let headers = std::mem::take(response.headers_mut());
        response = (edge.render)(&failure, &id);
        for (name, value) in headers
            .iter()
            .filter(|(name, _)| **name == axum::http::header::ALLOW)
        {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    // Answers are one caller's own, and many hold secrets.
    response
        .headers_mut()
        .entry(axum::http::header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    edge.app
        .metrics
        .request(&format!("{} {route}", known(&method)), status);
    tracing::debug!(
        request = id.0,
        method = method.as_str(),
        route,
        status,
        milliseconds = started.elapsed().as_millis(),
        "answered"
    );
    response
}

/// Methods that anybody can make up would make as many metrics.
fn known(method: &Method) -> &str {
    let all = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if all.contains(method) {
        method.as_str()
    } else {
        "OTHER"
    }
}

fn log(failure: &Failure, id: &RequestId, method: &str, route: &str) {
    let status = failure.status().as_u16();
    let (message, private) = (failure.error.message(), failure.error.private());
    if status >= 500 {
        tracing::error!(
            request = id.0,
            method,
            route,
            status,
            message,
            private,
            "failed"
        );
    } else {
        tracing::info!(
            request = id.0,
            method,
            route,
            status,
            message,
            private,
            "refused"
        );
    }
}
