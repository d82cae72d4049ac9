//! Calls to Hetzner's API: what is its own about them, and the pages of a list.
//!
//! Used by all verbs of the driver; the rest is [`bearer`](crate::bearer)'s. What must stay true: the numbers of the pages
//! grow, so that a list ends.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Timestamp;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::{Listed, Meta};
use super::{errors, options};
use crate::bearer::{Api, Bearer, parsed};
use crate::cloud::CloudResult;
use crate::http;
use crate::registry::Settings;

/// As many as a page may have.
const PAGE: &str = "50";
/// More than any project has: where the pages of a list don't end, something is wrong.
const MOST_PAGES: u32 = 1000;
/// The limit is one of calls per hour, and fills up again bit by bit.
const HOUR: Duration = Duration::from_hours(1);
/// Calls per hour, where an answer doesn't say.
const USUAL_LIMIT: u32 = 3600;

static API: Api = Api {
    cloud: errors::CLOUD,
    version: "v1",
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
        Bearer::open(&API, settings, usual, options::API_TOKEN).map(Self)
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
            let (items, next) = self.page(path, parameters, page).await?;
            all.extend(items);
            match next {
                Some(next) if next > page && next <= MOST_PAGES => page = next,
                Some(_) => return Err(errors::lost("the list doesn't end", false)),
                None => return Ok(all),
            }
        }
    }

    /// Reads one page of a list; and the number of the one after it.
    pub(super) async fn page<T: DeserializeOwned + Listed>(
        &self,
        path: &[&str],
        parameters: &[(&str, &str)],
        page: u32,
    ) -> CloudResult<(Vec<T>, Option<u32>)> {
        let number = page.to_string();
        let parameters = [parameters, &[("per_page", PAGE), ("page", &number)]].concat();
        let body = self.0.read(path, &parameters).await?;
        self.0.discreet(read_page(&body))
    }

    /// Changes something, and reads what came of it.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &Value,
    ) -> CloudResult<T> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Changes something, with a body or without, and reads what came of it.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> CloudResult<T> {
        self.0.call(method, path, body).await
    }

    /// Changes something; nobody reads the answer.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> CloudResult<()> {
        self.0.change(method, path, body).await
    }
}

/// What stands on a page, and the number of the one after it.
fn read_page<T: DeserializeOwned + Listed>(body: &[u8]) -> CloudResult<(Vec<T>, Option<u32>)> {
    let parts: BTreeMap<String, Box<RawValue>> = parsed(errors::CLOUD, body)?;
    let part = |key: &str| parts.get(key).map(|part| part.get().as_bytes());
    let items = part(T::KEY).ok_or_else(|| errors::lost("there is no list in it", false))?;
    let items: Vec<T> = parsed(errors::CLOUD, items)?;
    let meta: Option<Meta> = match part("meta") {
        Some(meta) => Some(parsed(errors::CLOUD, meta)?),
        None => None,
    };
    Ok((items, meta.and_then(|meta| meta.pagination.next_page)))
}

/// How long to send nothing: until one call more is left in the limit, and a few after a 429, since others ask as well.
/// `ratelimit-reset` tells when the whole limit is there again, which nobody has to wait for.
fn pause(status: u16, headers: &HeaderMap, _now: Timestamp) -> Option<Duration> {
    const A_FEW: u32 = 5;
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u32>().ok();
    let limit = number("ratelimit-limit").filter(|limit| *limit > 0);
    let one = HOUR / limit.unwrap_or(USUAL_LIMIT);
    match (status, number("ratelimit-remaining")) {
        (429, _) => Some(http::retry_after(headers).unwrap_or(one * A_FEW)),
        (_, Some(0)) => Some(one),
        _ => None,
    }
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
    fn a_full_limit_is_waited_for_as_long_as_one_call_takes_to_come_back() {
        let seconds = Duration::from_secs;
        let limit = ("ratelimit-limit", "1800");
        for (status, given, expected) in [
            (200, vec![limit, ("ratelimit-remaining", "7")], None),
            (
                200,
                vec![
                    limit,
                    ("ratelimit-remaining", "0"),
                    ("ratelimit-reset", "1"),
                ],
                Some(seconds(2)),
            ),
            (429, vec![limit], Some(seconds(10))),
            (429, vec![], Some(seconds(5))),
            (429, vec![("retry-after", "7")], Some(seconds(7))),
            (200, vec![("ratelimit-limit", "0")], None),
        ] {
            let told = pause(status, &headers(&given), Timestamp(0));
            assert_eq!(told, expected, "{status} {given:?}");
        }
    }
}
