//! A JSON body, with errors that say what is wrong with it.

use axum::body::Body as RawBody;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use domain::Error;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::edge::Failure;

/// The largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// So much of a body that nobody wants is read all the same. A connection that is closed on a client which still sends
/// takes the answer with it: the client sees a broken pipe instead of what was wrong.
const MAX_UNWANTED: usize = 16 * 1024 * 1024;

/// A JSON body, whatever the content type says: every call needs a header that no form can send.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read(request.into_body()).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::invalid("this call takes a JSON body, and none was sent").into());
        }
        let text = str::from_utf8(&bytes)
            .map_err(|_| Error::invalid("the body is no JSON: it is not in UTF-8"))?;
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| wrong(&error).into())
    }
}

async fn read(mut body: RawBody) -> Result<Vec<u8>, Failure> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::invalid("the body could not be read"))?;
        let data = frame.into_data().unwrap_or_default();
        if kept.len() + data.len() > MAX_BODY {
            discard(body).await;
            return Err(Failure::http(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is larger than 1 MiB; nothing was done",
            ));
        }
        kept.extend_from_slice(&data);
    }
    Ok(kept)
}

/// Reads what is left of a body that nobody wants, up to a limit.
pub(crate) async fn discard(mut body: RawBody) {
    let mut unwanted = 0;
    while let Some(Ok(frame)) = body.frame().await {
        unwanted += frame.data_ref().map_or(0, axum::body::Bytes::len);
        if unwanted > MAX_UNWANTED {
            return;
        }
    }
}

/// The words leave out what was found: it may be a password in the wrong place, and errors are logged.
fn wrong(error: &serde_json::Error) -> Error {
    if error.is_data() {
        let text = error.to_string();
        let words = match text.rsplit_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => {
                format!("expected {expected}")
            }
            _ => text,
        };
        Error::invalid(format!("the body is not what this call takes: {words}"))
    } else {
        Error::invalid(format!("the body is no JSON: {error}"))
    }
}
