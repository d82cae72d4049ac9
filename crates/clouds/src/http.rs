//! What all drivers that speak HTTP have in common: the connection, reading an answer, and what a missing one means.
//!
//! Used by the drivers' clients and error tables. What must stay true: no redirect and no proxy is followed, since a request
//! bears credentials; an answer is never read beyond [`LONGEST_ANSWER`]; a changing call whose fate is unknown is
//! [`ErrorClass::OutcomeUnknown`]; and no message holds an address, in which there may be secrets.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{ClientBuilder, Response};

use crate::cloud::{CloudError, CloudResult, ErrorClass};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const LONGEST_ANSWER: usize = 64 << 20;

/// A connection to a cloud, to be completed.
pub(crate) fn client() -> ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        .tcp_keepalive(KEEP_ALIVE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
}

/// The whole body of an answer of that cloud's. `changes` says whether the call would have changed something.
pub(crate) async fn body(
    cloud: &str,
    mut response: Response,
    changes: bool,
) -> CloudResult<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| unanswered(cloud, error, changes))?
    {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(lost(cloud, "it is too long", changes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// When the cloud wants to be asked again.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}

/// The call got no answer.
pub(crate) fn unanswered(cloud: &str, error: reqwest::Error, changes: bool) -> CloudError {
    let connecting = error.is_connect();
    let reason = innermost(&error.without_url());
    if connecting {
        // Nothing was sent.
        let message = format!("{cloud} can't be reached: {reason}");
        CloudError::new(ErrorClass::Unavailable, message)
    } else {
        lost(cloud, &reason, changes)
    }
}

/// The connection broke, took too long or brought nonsense, after the call was sent.
pub(crate) fn lost(cloud: &str, reason: &str, changes: bool) -> CloudError {
    let class = if changes {
        ErrorClass::OutcomeUnknown
    } else {
        ErrorClass::Unavailable
    };
    CloudError::new(class, format!("no answer from {cloud}: {reason}"))
}

/// The words of what caused all the others.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
