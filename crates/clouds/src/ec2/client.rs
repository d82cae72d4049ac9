//! Calls to Amazon: signing, sending, and what comes back.
//!
//! Used by all verbs of the driver. What must stay true: each call takes a permit of the budget; nothing is sent twice
//! (the runner decides about that); redirects and proxies are not followed; an answer is never read beyond
//! a bound; and no message of a failure holds a credential, whatever Amazon says back.

use std::time::Duration;

use aws_credential_types::Credentials;
use domain::time::Clock;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::action::Action;
use super::errors::{self, Failure, rejected};
use super::form::Form;
use super::options::Options;
use super::sign::{self, Scope, Unsigned};
use super::wire::Refusal;
use crate::budget::Budget;
use crate::cloud::CloudResult;
use crate::discreet::Secrets;
use crate::http;
use crate::registry::Settings;

/// The version of the API that the forms and answers here are of.
const VERSION: &str = "2016-11-15";
const CALL_LIMIT: Duration = Duration::from_mins(1);
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// What a call returns: the answer, or a failure with Amazon's code.
pub(super) type Called<T> = Result<T, Failure>;

/// One account at Amazon.
pub(super) struct Client {
    http: reqwest::Client,
    options: Options,
    credentials: Credentials,
    secrets: Secrets,
    clock: Clock,
    budget: Budget,
}

// === impl Client ===

impl Client {
    pub(super) fn new(options: &Options, settings: &Settings) -> CloudResult<Self> {
        let http = http::client()
            .build()
            .map_err(|error| rejected(format!("the connection can't be set up: {error}")))?;
        let field = |name| settings.credentials.get(name).and_then(given);
        let ours = |name| field(name).ok_or_else(|| rejected(format!("{name} is missing")));
        let credentials = Credentials::new(
            ours("accessKey")?,
            ours("secretKey")?,
            field("sessionToken"),
            None,
            "arcus",
        );
        let ours = [
            Some(credentials.secret_access_key()),
            credentials.session_token(),
            Some(credentials.access_key_id()),
        ];
        Ok(Self {
            http,
            options: options.clone(),
            secrets: Secrets::new(ours.into_iter().flatten()),
            credentials,
            clock: Clock::System,
            budget: settings.budget.clone(),
        })
    }

    /// Calls an action in a region and reads what it answers.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        region: &str,
        action: Action,
        form: Form,
    ) -> Called<T> {
        let text = self.send(region, action, form).await?;
        quick_xml::de::from_str(&text).map_err(|error| {
            let why = self
                .secrets
                .left_out_of(&format!("it can't be read: {error}"));
            errors::lost(&why, action.changes())
        })
    }

    /// Calls an action whose answer says nothing but that it was done.
    pub(super) async fn run(&self, region: &str, action: Action, form: Form) -> Called<()> {
        self.send(region, action, form).await.map(drop)
    }

    async fn send(&self, region: &str, action: Action, form: Form) -> Called<String> {
        let region = self.options.amazons(region);
        let url = self.options.url(region)?;
        let form = form.with("Action", action.name()).with("Version", VERSION);
        let changes = action.changes();
        let permit = self.budget.take().await;
        // Signed when its turn has come: a signature is good for some minutes only.
        let request = self
            .http
            .post(url.clone())
            .header(CONTENT_TYPE, FORM)
            .form(form.fields())
            .timeout(CALL_LIMIT)
            .build()
            .map_err(|_| rejected("the call can't be written"))?;
        let request = self.signed(request, region)?;
        let answer = self.http.execute(request).await;
        let response = answer.map_err(|error| errors::unanswered(error, changes))?;
        let answer = self.answer(response, changes).await;
        drop(permit);
        answer
    }

    fn signed(&self, mut request: reqwest::Request, region: &str) -> CloudResult<reqwest::Request> {
        let unsigned = Unsigned {
            method: request.method().as_str(),
            url: request.url().as_str(),
            headers: &[(CONTENT_TYPE.as_str(), FORM)],
            body: request
                .body()
                .and_then(reqwest::Body::as_bytes)
                .unwrap_or_default(),
        };
        let scope = Scope {
            region,
            service: "ec2",
            at: self.clock.now(),
        };
        for (name, value) in sign::headers(&self.credentials, scope, unsigned)? {
            let name = reqwest::header::HeaderName::try_from(name);
            let value = reqwest::header::HeaderValue::try_from(value);
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(rejected("the credentials hold what no credentials hold"));
            };
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    async fn answer(&self, response: Response, changes: bool) -> Called<String> {
        let status = response.status();
        let retry_after = http::retry_after(response.headers());
        let body = http::body(errors::CLOUD, response, changes).await?;
        let text = self.secrets.left_out_of(&String::from_utf8_lossy(&body));
        if status.is_success() {
            return Ok(text);
        }
        let refusal: Refusal = quick_xml::de::from_str(&text).unwrap_or_default();
        // Once more, since XML may have written them in other ways.
        let (code, message) = refusal.reason();
        let code = self.secrets.left_out_of(code);
        let message = self.secrets.left_out_of(message);
        Err(errors::refused(
            status.as_u16(),
            &code,
            &message,
            retry_after,
            changes,
        ))
    }
}

fn given(value: &SecretString) -> Option<String> {
    let value = value.expose_secret().trim();
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
