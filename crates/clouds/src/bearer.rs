//! JSON over HTTP with a bearer token, as many clouds speak it: the connection, the addresses, the limit of calls.
//!
//! Used by the drivers' clients, which add how the cloud pages its lists. What must stay true: each call takes a permit of
//! the budget; nothing is sent twice (the runner decides about that); the token travels in a header alone, reaches one host
//! alone, and is in no message of a failure, whatever the cloud says back; and where it is known that a call would be refused for the limit, none is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::Timestamp;
use domain::time::Clock;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::budget::Budget;
use crate::cloud::{CloudError, CloudResult, ErrorClass};
use crate::discreet::Secrets;
use crate::http;
use crate::registry::{ENDPOINT, Settings};

const CALL_LIMIT: Duration = Duration::from_mins(1);

/// The longest that an answer may keep an account's calls back: a cloud may say what it likes.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// What is a cloud's own about it.
pub(crate) struct Api {
    /// What it is called in messages.
    pub(crate) cloud: &'static str,
    /// The first part of all addresses.
    pub(crate) version: &'static str,
    /// What a refusal means: of its status, its body, whether the call would have changed something, and when to come back.
    pub(crate) refused: fn(u16, &[u8], bool, Option<Duration>) -> CloudError,
    /// How long an answer wants no call to follow.
    pub(crate) pause: fn(u16, &HeaderMap, Timestamp) -> Option<Duration>,
}

/// Shared by cloning.
#[derive(Clone)]
pub(crate) struct Bearer {
    api: &'static Api,
    http: reqwest::Client,
    base: Url,
    token: SecretString,
    secrets: Secrets,
    budget: Budget,
    /// Until when no call is left in the account's limit, in microseconds since 1970. A restart only forgets to spare
    /// itself a refusal.
    closed_until: Arc<AtomicI64>,
}

// === impl Bearer ===

impl Bearer {
    /// Opens the API at the settings' endpoint, else at `usual`, with the token in the credentials' field of that name.
    pub(crate) fn open(
        api: &'static Api,
        settings: &Settings,
        usual: &str,
        field: &str,
    ) -> CloudResult<Self> {
        let http = http::client().timeout(CALL_LIMIT).build();
        let token = token(api.cloud, settings, field)?;
        Ok(Self {
            api,
            http: http
                .map_err(|error| rejected(format!("the connection can't be set up: {error}")))?,
            base: endpoint(settings, usual)?,
            secrets: Secrets::new([token.expose_secret()]),
            token,
            budget: settings.budget.clone(),
            closed_until: Arc::default(),
        })
    }

    /// The host that is spoken to.
    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Reads something, as it was sent.
    pub(crate) async fn read(
        &self,
        path: &[&str],
        parameters: &[(&str, &str)],
    ) -> CloudResult<Vec<u8>> {
        let url = self.url(path, parameters);
        self.send(Method::GET, url, None).await
    }

    /// Reads something.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> CloudResult<T> {
        let body = self.read(path, &[]).await?;
        self.discreet(parsed(self.api.cloud, &body))
    }

    /// What was made of an answer, with no secret in its error.
    pub(crate) fn discreet<T>(&self, made: CloudResult<T>) -> CloudResult<T> {
        self.secrets.left_out(made)
    }

    /// Changes something, and reads what came of it.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> CloudResult<T> {
        let url = self.url(path, &[]);
        let answer = self.send(method, url, body).await?;
        let read = serde_json::from_slice(&answer).map_err(|error| {
            let reason = format!("it can't be read: {error}");
            http::lost(self.api.cloud, &reason, true)
        });
        self.discreet(read)
    }

    /// Changes something; the answer says nothing.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> CloudResult<()> {
        let url = self.url(path, &[]);
        self.send(method, url, body).await.map(drop)
    }

    /// An address of this API; every part is encoded, so none can leave its place.
    fn url(&self, path: &[&str], parameters: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(self.api.version).extend(path);
        }
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> CloudResult<Vec<u8>> {
        self.is_open()?;
        let cloud = self.api.cloud;
        let changes = method != Method::GET;
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let permit = self.budget.take().await;
        // Another call may have learned meanwhile that the limit is used up.
        self.is_open()?;
        let response = request
            .send()
            .await
            .map_err(|error| http::unanswered(cloud, error, changes))?;
        let status = response.status();
        let now = Clock::System.now();
        let pause = (self.api.pause)(status.as_u16(), response.headers(), now);
        let body = http::body(cloud, response, changes).await;
        drop(permit);
        if let Some(pause) = pause {
            let until = Clock::System.now().plus(pause.min(LONGEST_PAUSE));
            self.closed_until.fetch_max(until.0, Ordering::Relaxed);
        }
        if status.is_success() {
            body
        } else if status.is_redirection() {
            Err(http::lost(cloud, "it sends us elsewhere", changes))
        } else {
            // A refusal is one, whether its reason arrived or not.
            let body = body.unwrap_or_default();
            // Left out of what it says, since JSON may write them in other ways.
            let refused = (self.api.refused)(status.as_u16(), &body, changes, pause);
            self.discreet(Err(refused))
        }
    }

    /// Nothing is sent where it is known that it would be refused.
    fn is_open(&self) -> CloudResult<()> {
        let until = Timestamp(self.closed_until.load(Ordering::Relaxed));
        let left = until.since(Clock::System.now());
        if left.is_zero() {
            return Ok(());
        }
        let message = format!(
            "the account's limit of calls to {} is used up",
            self.api.cloud
        );
        Err(CloudError::new(ErrorClass::Throttled(left), message))
    }
}

/// Reads what a cloud sent as what it should be.
pub(crate) fn parsed<T: DeserializeOwned>(cloud: &str, body: &[u8]) -> CloudResult<T> {
    serde_json::from_slice(body)
        .map_err(|error| http::lost(cloud, &format!("it can't be read: {error}"), false))
}

/// Where the API is. Only an operator names another address than the usual one, since whoever listens there gets the token:
/// customers send credentials and never options, so they can't.
fn endpoint(settings: &Settings, usual: &str) -> CloudResult<Url> {
    let given = settings
        .text(ENDPOINT.name)
        .map(str::trim)
        .filter(|given| !given.is_empty());
    let url = Url::parse(given.unwrap_or(usual))
        .map_err(|error| rejected(format!("the endpoint is not valid: {error}")))?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let spoken = matches!(url.scheme(), "https" | "http") && url.has_host();
    if bare && spoken {
        Ok(url)
    } else {
        Err(rejected(format!(
            "the endpoint is an address such as {usual}"
        )))
    }
}

/// The account's token. One that no header can hold is refused, without being shown.
fn token(cloud: &str, settings: &Settings, field: &str) -> CloudResult<SecretString> {
    let given = settings.credentials.get(field);
    let token = given.map_or("", |token| token.expose_secret().trim());
    if token.is_empty() {
        return Err(rejected(format!("{field} is missing")));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(rejected(format!(
            "{field} holds characters that no token of {cloud} has"
        )));
    }
    Ok(SecretString::from(token))
}

fn rejected(message: String) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}
