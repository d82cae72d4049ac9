//! Short answers, and parsing of ids.

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

// === impl Message ===

impl Message {
    pub(crate) fn new(message: &str, id: Option<PublicId>) -> Self {
        Self {
            message: message.to_owned(),
            id,
        }
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
