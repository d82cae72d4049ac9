//! Errors as CloudHero's API prints them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::edge::{Failure, RequestId};

/// `{"error"}`, or `{"message", "id"}` for what stands in the way; each with the request's id.
pub(super) fn render(failure: &Failure, id: &RequestId) -> Response {
    let status = failure.status();
    let message = failure.error.message();
    let body = if status == StatusCode::CONFLICT {
        json!({"message": message, "id": failure.error.existing(), "request_id": id.0})
    } else {
        json!({"error": message, "request_id": id.0})
    };
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
