//! Calls to DigitalOcean's API: what is its own about them, and the pages of a list.
//!
//! Used by all verbs of the driver; the rest is [`bearer`](crate::bearer)'s. What must stay true: a page's address is never
//! used as such, so that the token reaches one host alone.

use std::time::Duration;

use domain::Timestamp;
use reqwest::Method;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pages::read_page;
use super::wire::Listed;
use super::{errors, options};
use crate::bearer::{Api, Bearer};
use crate::cloud::CloudResult;
use crate::registry::Settings;

/// As many as a page may have.
const PAGE: &str = "200";
/// More than any account has: where the pages of a list don't end, something is wrong.
const MOST_PAGES: u32 = 500;
/// The longest that a full limit keeps calls back before one is tried: the clocks may differ.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

static API: Api = Api {
    cloud: errors::CLOUD,
    version: "v2",
    refused: errors::refused,
    pause,
};

/// Shared by cloning.
#[derive(Clone)]
pub(super) struct Client(Bearer);

// === impl Client ===

impl Client {
    pub(super) fn new(settings: &Settings) -> CloudResult<Self> {
        let usual = options::USUAL_ENDPOINT;
        Bearer::open(&API, settings, usual, options::ACCESS_TOKEN).map(Self)
    }

    /// The host that is spoken to.
    pub(super) fn host(&self) -> &str {
        self.0.host()
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> CloudResult<T> {
        self.0.get(path).await
    }

    /// Reads a whole list, page by page.
    pub(super) async fn list<T: DeserializeOwned + Listed>(
        &self,
        path: &[&str],
        parameters: &[(&str, &str)],
    ) -> CloudResult<Vec<T>> {
        let mut all = Vec::new();
        let mut page = 1;
        loop {
            let number = page.to_string();
            let parameters = [parameters, &[("per_page", PAGE), ("page", &number)]].concat();
            let body = self.0.read(path, &parameters).await?;
            let (items, next) = self.0.discreet(read_page(&body, page))?;
            all.extend(items);
            match next {
                Some(next) if next <= MOST_PAGES => page = next,
                Some(_) => return Err(errors::lost("the list doesn't end", false)),
                None => return Ok(all),
            }
        }
    }

    /// Changes something, and reads what came of it.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &Value,
    ) -> CloudResult<T> {
        self.0.call(Method::POST, path, Some(body)).await
    }

    /// Changes something; the answer says nothing.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> CloudResult<()> {
        self.0.change(method, path, body).await
    }
}

/// How long to send nothing: after a 429, and where an answer says that it was the last one of the limit.
fn pause(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
    let throttled = status == 429;
    if !throttled && number("ratelimit-remaining") != Some(0) {
        return None;
    }
    let after = number(RETRY_AFTER.as_str())
        .filter(|_| throttled)
        .map(|after| Duration::from_secs(after.unsigned_abs()));
    let reset = number("ratelimit-reset")
        .map(|reset| Timestamp(reset.saturating_mul(1_000_000)).since(now))
        .filter(|left| !left.is_zero());
    match after.or(reset) {
        Some(pause) => Some(pause.min(LONGEST_PAUSE)),
        None => throttled.then_some(errors::THROTTLE_PAUSE),
    }
}

/// Reads what DigitalOcean sent as what it should be.
pub(super) fn parsed<T: DeserializeOwned>(body: &[u8]) -> CloudResult<T> {
    crate::bearer::parsed(errors::CLOUD, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        let entry = |(name, value): &(&'static str, &str)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().expect("a value"))
        };
        given.iter().map(entry).collect()
    }

    #[test]
    fn a_full_limit_says_how_long_to_wait() {
        let now = Timestamp(1_000_000_000_000);
        let seconds = Duration::from_secs;
        for (status, given, expected) in [
            (
                200,
                vec![("ratelimit-remaining", "7"), ("ratelimit-reset", "1000060")],
                None,
            ),
            (
                200,
                vec![("ratelimit-remaining", "0"), ("ratelimit-reset", "1000060")],
                Some(seconds(60)),
            ),
            (
                200,
                vec![("ratelimit-remaining", "0"), ("ratelimit-reset", "999999")],
                None,
            ),
            (429, vec![("ratelimit-reset", "1000060")], Some(seconds(60))),
            (
                429,
                vec![("retry-after", "7"), ("ratelimit-reset", "1000060")],
                Some(seconds(7)),
            ),
            (
                429,
                vec![("ratelimit-reset", "9999999999")],
                Some(LONGEST_PAUSE),
            ),
            (429, vec![], Some(errors::THROTTLE_PAUSE)),
            (500, vec![("retry-after", "7")], None),
        ] {
            assert_eq!(
                pause(status, &headers(&given), now),
                expected,
                "{status} {given:?}"
            );
        }
    }
}
