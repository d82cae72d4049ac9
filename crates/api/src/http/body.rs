//! A JSON body, with errors that say what is wrong with it.

use std::time::Duration;

use axum::body::Body as RawBody;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use domain::Error;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::edge::Failure;

/// The largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive: enough for the largest one on a slow line.
const ARRIVAL: Duration = Duration::from_secs(30);

/// So much of a body that nobody wants is read all the same. A connection that is closed on a client which still sends
/// takes the answer with it: the client sees a broken pipe instead of what was wrong.
const MAX_UNWANTED: usize = 16 * 1024 * 1024;

/// And for so long.
const UNWANTED: Duration = Duration::from_secs(10);

/// A JSON body, whatever the content type says: every call needs a header that no form can send.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = all(request).await?;
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

/// The whole body of a request.
pub(crate) async fn all(request: Request) -> Result<Vec<u8>, Failure> {
    read(request.into_body(), ARRIVAL).await
}

/// Reads a body that has to be there within `limit`.
async fn read(mut body: RawBody, limit: Duration) -> Result<Vec<u8>, Failure> {
    let Ok(read) = timeout(limit, read_small(&mut body)).await else {
        return Err(Failure::http(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive within 30 s; nothing was done",
        ));
    };
    let Some(kept) = read? else {
        discard(body).await;
        return Err(Failure::http(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 1 MiB; nothing was done",
        ));
    };
    Ok(kept)
}

/// The whole body; `None` as soon as it is too large.
async fn read_small(body: &mut RawBody) -> Result<Option<Vec<u8>>, Error> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::invalid("the body could not be read"))?;
        let data = frame.into_data().unwrap_or_default();
        if kept.len() + data.len() > MAX_BODY {
            return Ok(None);
        }
        kept.extend_from_slice(&data);
    }
    Ok(Some(kept))
}

/// Reads what is left of a body that nobody wants, up to a limit.
pub(crate) async fn discard(body: RawBody) {
    discard_within(body, UNWANTED).await;
}

async fn discard_within(mut body: RawBody, limit: Duration) {
    let reading = async {
        let mut unwanted = 0;
        while let Some(Ok(frame)) = body.frame().await {
            unwanted += frame.data_ref().map_or(0, axum::body::Bytes::len);
            if unwanted > MAX_UNWANTED {
                return;
            }
        }
    };
    // The answer is what counts: it is given whether or not all was read.
    let _ = timeout(limit, reading).await;
}

/// The words leave out what was found: it may be a password in the wrong place, and errors are logged.
pub(super) fn wrong(error: &serde_json::Error) -> Error {
    if error.is_data() {
        let text = error.to_string();
        let words = match text.rsplit_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => {
                format!("expected {}", in_words_of_json(expected))
            }
            _ => text,
        };
        Error::invalid(format!("the body is not what this call takes: {words}"))
    } else {
        Error::invalid(format!("the body is no JSON: {error}"))
    }
}

/// What was expected, and where: `struct Wanted at line 1 column 7` says nothing to whoever has sent JSON.
fn in_words_of_json(expected: &str) -> String {
    let (what, place) = match expected.split_once(" at line ") {
        Some((what, place)) => (what, format!(" at line {place}")),
        None => (expected, String::new()),
    };
    let what = match what {
        "a sequence" => "an array",
        "a map" => "an object",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        what if what.starts_with("struct ") => "an object",
        what => what,
    };
    format!("{what}{place}")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Bytes;
    use futures::{StreamExt, stream};

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A body that begins well and of which no more ever comes.
    fn stalled() -> RawBody {
        let begin = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
        RawBody::from_stream(begin.chain(stream::pending()))
    }

    #[test]
    fn what_was_expected_is_said_in_words_of_json() {
        #[derive(Debug, serde::Deserialize)]
        struct Wanted {
            #[expect(dead_code, reason = "only whether it can be read counts")]
            count: u32,
        }
        for (body, expected) in [
            ("7", "an object at line 1 column"),
            (
                r#"{"count": "x"}"#,
                "a whole number, 0 or more at line 1 column",
            ),
        ] {
            let error = serde_json::from_str::<Wanted>(body).expect_err("is refused");
            let message = wrong(&error).message().to_owned();
            assert!(
                message.contains(&format!("expected {expected}")),
                "{body}: {message}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_stalls_is_answered_with_408() {
        let read = timeout(PATIENCE, read(stalled(), SHORT)).await;
        let failure = read.expect("the wait ends").expect_err("it is refused");
        assert_eq!(failure.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(
            failure.error.message(),
            "the body did not arrive within 30 s; nothing was done"
        );
    }

    #[tokio::test]
    async fn an_unwanted_body_that_stalls_is_given_up_silently() {
        let given_up = timeout(PATIENCE, discard_within(stalled(), SHORT)).await;
        given_up.expect("the wait ends");
    }

    #[tokio::test]
    async fn a_body_that_is_there_is_read_whole() {
        let kept = read(RawBody::from("{}"), PATIENCE).await;
        assert_eq!(kept.expect("it is read"), b"{}");
    }
}
