//! Short answers, and parsing of ids.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::{Error, PublicId};
use serde::Serialize;
use utoipa::ToSchema;

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    /// In words.
    pub(crate) message: String,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) id: Option<PublicId>,
}

/// What stands in an address where an id belongs, whatever it is: [`id`] judges it. Bytes that are no text are as
/// good as nothing.
pub(crate) struct Segment(pub(crate) String);

// === impl Message ===

impl Message {
    pub(crate) fn new(message: &str, id: Option<PublicId>) -> Self {
        Self {
            message: message.to_owned(),
            id,
        }
    }
}

// === impl Segment ===

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(segment.map(|Path(text)| text).unwrap_or_default()))
    }
}

/// The id in an address. What can't be an id belongs to nothing.
pub(crate) fn id(text: &str, what: &str) -> Result<PublicId, Error> {
    text.parse().map_err(|_| Error::not_found(what))
}

/// The id in a body: a wrong one is the request's fault.
pub(crate) fn id_in_body(text: &str, field: &str) -> Result<PublicId, Error> {
    text.parse().map_err(|_| {
        Error::invalid(format!("{field} is no id: an id is 24 hexadecimal digits")).field(field)
    })
}
