//! Accounts.

use std::collections::BTreeMap;

use control::accounts::Tokens;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A registration. Absent fields are blamed by name.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RegisterRequest {
    #[serde(default)]
    pub(crate) email: String,
    #[serde(default)]
    #[schema(value_type = String)]
    pub(crate) password: SecretString,
    #[serde(default)]
    #[schema(value_type = String)]
    pub(crate) password_confirm: SecretString,
    /// The organisation's name.
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) user_name: Option<String>,
    /// An invitation or the setup token, where the operator wants one.
    #[schema(value_type = Option<String>)]
    pub(crate) invitation: Option<SecretString>,
}

/// A new pair of tokens, or what was wrong with the request for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokensResponse {
    /// Sent with every request from now on.
    pub(crate) persistent_token: Option<String>,
    /// An empty array, or an object of messages by field.
    #[schema(value_type = Object)]
    pub(crate) errors: Value,
    /// Changed for a new pair by `POST /accounts/tokens`.
    pub(crate) refreshing_token: Option<String>,
    /// All of the errors in one line, for the command-line client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Where something was wrong: the request's id in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
}

/// A login: with email and password, or with a refreshing token.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokensRequest {
    pub(crate) email: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(crate) password: Option<SecretString>,
    #[schema(value_type = Option<String>)]
    pub(crate) refreshing_token: Option<SecretString>,
}

/// The users' SSH key pair.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyResponse {
    pub(crate) name: String,
    /// MD5, colon-separated.
    pub(crate) fingerprint: String,
    pub(crate) public_key: String,
    /// The private key as PEM, where `private=True` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<String>,
}

// === impl TokensResponse ===

impl TokensResponse {
    pub(crate) fn issued(tokens: &Tokens) -> Self {
        Self {
            persistent_token: Some(tokens.persistent.expose_secret().to_owned()),
            errors: Value::Array(Vec::new()),
            refreshing_token: Some(tokens.refreshing.expose_secret().to_owned()),
            error: None,
            request_id: None,
        }
    }

    pub(crate) fn refused(wrong: &[(String, String)]) -> Self {
        let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (field, message) in wrong {
            fields.entry(field).or_default().push(message);
        }
        let errors = fields
            .into_iter()
            .map(|(field, messages)| (field.to_owned(), messages.into()));
        Self {
            persistent_token: None,
            errors: Value::Object(errors.collect::<Map<_, _>>()),
            refreshing_token: None,
            error: None,
            request_id: None,
        }
    }
}
