//! Errors as Cloude.ro's API prints them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::edge::{Failure, RequestId};

/// The envelope of an error, laid out as the documentation prints it. `errorDev` holds the request's id, and nothing else.
pub(super) fn render(failure: &Failure, id: &RequestId) -> Response {
    let status = failure.status();
    let message = failure.error.message();
    let body = json!({
        "status": "error",
        "data": null,
        "message": message,
        "error": { "errorMessage": message, "errorDev": id.0 },
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (status, json, format!("{body:#}")).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
