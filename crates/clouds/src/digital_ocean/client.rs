//! Calls to DigitalOcean's API: the connection, the addresses, the pages of a list, the limit of calls.
//!
//! Used by all verbs of the driver. What must stay true: each call takes a permit of the budget; nothing is sent twice
//! (the runner decides about that); redirects and proxies are not followed and a page's address is never used as such,
//! so that the token reaches one host alone; an answer is never read beyond a bound; and no message of a failure holds the
//! token, whatever DigitalOcean says back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::Timestamp;
use domain::time::Clock;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pages::read_page;
use super::wire::Listed;
use super::{errors, options};
use crate::budget::Budget;
use crate::cloud::{CloudError, CloudResult, ErrorClass};
use crate::discreet::Secrets;
use crate::http;
use crate::registry::Settings;

const CALL_LIMIT: Duration = Duration::from_mins(1);
/// As many as a page may have.
const PAGE: &str = "200";
/// More than any account has: where the pages of a list don't end, something is wrong.
const MOST_PAGES: u32 = 500;
/// The longest that a full limit keeps calls back before one is tried: the clocks may differ.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Shared by cloning.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
    secrets: Secrets,
    budget: Budget,
    /// Until when no call is left in the account's limit, in microseconds since 1970. A restart only forgets to spare
    /// itself a refusal.
    closed_until: Arc<AtomicI64>,
}

// === impl Client ===

impl Client {
    pub(super) fn new(settings: &Settings) -> CloudResult<Self> {
        let http = http::client()
            .timeout(CALL_LIMIT)
            .build()
            .map_err(|error| {
                errors::rejected(format!("the connection can't be set up: {error}"))
            })?;
        let token = options::token(settings)?;
        Ok(Self {
            http,
            base: options::endpoint(settings)?,
            secrets: Secrets::new([token.expose_secret()]),
            token,
            budget: settings.budget.clone(),
            closed_until: Arc::default(),
        })
    }

    /// The host that is spoken to.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> CloudResult<T> {
        let body = self.send(Method::GET, self.url(path, &[]), None).await?;
        self.secrets.left_out(parsed(&body))
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
            let url = self.url(path, &parameters);
            let body = self.send(Method::GET, url, None).await?;
            let (items, next) = self.secrets.left_out(read_page(&body, page))?;
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
        let url = self.url(path, &[]);
        let answer = self.send(Method::POST, url, Some(body)).await?;
        let read = serde_json::from_slice(&answer)
            .map_err(|error| errors::lost(&format!("it can't be read: {error}"), true));
        self.secrets.left_out(read)
    }

    /// Changes something; the answer says nothing.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> CloudResult<()> {
        let url = self.url(path, &[]);
        self.send(method, url, body).await.map(drop)
    }

    /// An address below `/v2`; every part is encoded, so none can leave its place.
    fn url(&self, path: &[&str], parameters: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v2").extend(path);
        }
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> CloudResult<Vec<u8>> {
        self.is_open()?;
        let changes = method != Method::GET;
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let permit = self.budget.take().await;
        let response = request
            .send()
            .await
            .map_err(|error| errors::unanswered(error, changes))?;
        let status = response.status();
        let pause = pause(status.as_u16(), response.headers(), Clock::System.now());
        let body = http::body(errors::CLOUD, response, changes).await;
        drop(permit);
        if let Some(pause) = pause {
            let until = Clock::System.now().plus(pause);
            self.closed_until.store(until.0, Ordering::Relaxed);
        }
        if status.is_success() {
            body
        } else if status.is_redirection() {
            Err(errors::lost("it sends us elsewhere", changes))
        } else {
            // A refusal is one, whether its reason arrived or not.
            let body = body.unwrap_or_default();
            let words = self.secrets.left_out_of(&String::from_utf8_lossy(&body));
            Err(errors::refused(
                status.as_u16(),
                words.as_bytes(),
                changes,
                pause,
            ))
        }
    }

    /// Nothing is sent where it is known that it would be refused.
    fn is_open(&self) -> CloudResult<()> {
        let until = Timestamp(self.closed_until.load(Ordering::Relaxed));
        let left = until.since(Clock::System.now());
        if left.is_zero() {
            return Ok(());
        }
        Err(CloudError::new(
            ErrorClass::Throttled(left),
            "the account's limit of calls to DigitalOcean is used up",
        ))
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
    serde_json::from_slice(body)
        .map_err(|error| errors::lost(&format!("it can't be read: {error}"), false))
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
