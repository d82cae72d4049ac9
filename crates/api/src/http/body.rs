//! A JSON body, with errors that say what is wrong with it.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use domain::Error;
use serde::de::DeserializeOwned;

use super::edge::Failure;

/// The largest body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// A JSON body, whatever the content type says: every call needs a header that no form can send.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| unread(&rejection))?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::invalid("this call takes a JSON body, and none was sent").into());
        }
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| wrong(&error).into())
    }
}

fn unread(rejection: &BytesRejection) -> Failure {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Failure::http(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 1 MiB; nothing was done",
        )
    } else {
        Error::invalid("the body could not be read").into()
    }
}

fn wrong(error: &serde_json::Error) -> Error {
    if error.is_data() {
        Error::invalid(format!("the body is not what this call takes: {error}"))
    } else {
        Error::invalid(format!("the body is no JSON: {error}"))
    }
}
