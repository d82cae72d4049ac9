//! GETs that change something: what browsers do by themselves must not set them off.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::edge::Failure;

/// Lets a deliberate request through and refuses a prefetch and another site's.
pub(in crate::cloudhero) struct Deliberate;

impl<S: Send + Sync> FromRequestParts<S> for Deliberate {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let says = |name: &str, word: &str| {
            let values = parts
                .headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok());
            values
                .flat_map(|value| value.split([',', ';']))
                .any(|value| value.trim().eq_ignore_ascii_case(word))
        };
        if says("sec-purpose", "prefetch")
            || says("purpose", "prefetch")
            || says("x-moz", "prefetch")
        {
            return Err(Failure::http(
                StatusCode::BAD_REQUEST,
                "this address changes something and is not prefetched; nothing was done",
            ));
        }
        if says("sec-fetch-site", "cross-site") {
            return Err(Failure::http(
                StatusCode::FORBIDDEN,
                "this address changes something and is not for other sites; nothing was done",
            ));
        }
        Ok(Self)
    }
}

/// The answer to a HEAD of such an address: nothing is done and nothing is kept.
pub(in crate::cloudhero) struct Nothing;

impl IntoResponse for Nothing {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
