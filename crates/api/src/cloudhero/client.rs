//! Which of the two clients is asking: the documented one gets arrays of one, the command-line one bare objects.

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The client behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// As the documentation shows.
    Documented,
    /// `User-Agent: cloudhero-cli`.
    CommandLine,
}

// === impl Client ===

impl Client {
    /// One object: in an array, or bare.
    pub(super) fn one<T: Serialize>(self, object: T) -> Response {
        match self {
            Self::Documented => Json([object]).into_response(),
            Self::CommandLine => Json(object).into_response(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default();
        let name = agent.split(['/', ' ']).next().unwrap_or_default();
        Ok(if name == "cloudhero-cli" {
            Self::CommandLine
        } else {
            Self::Documented
        })
    }
}
