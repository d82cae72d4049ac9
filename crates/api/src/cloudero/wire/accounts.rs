//! Logging in, and what a user reads about itself.

use control::accounts::{Profile, Signed};
use domain::Money;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::numbers::Amount;

/// A login.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginRequest {
    /// The user's email.
    pub(crate) username: String,
    /// The user's password.
    #[schema(value_type = String)]
    pub(crate) password: SecretString,
}

/// A refresh token, by either name; it may also come as the bearer token.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RefreshRequest {
    #[schema(value_type = Option<String>)]
    pub(crate) refreshtoken: Option<SecretString>,
    #[schema(value_type = Option<String>)]
    pub(crate) refresh: Option<SecretString>,
}

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokensResponse {
    /// For 45 minutes.
    token: String,
    /// For a day, and good once.
    refreshtoken: String,
    /// Whether it came of a refresh.
    refresh: bool,
}

/// What a user reads about itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountResponse {
    name: String,
    email: String,
    balance: Amount,
    register_date: String,
    last_login_date: String,
    is_verified: bool,
}

/// What an organisation has.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceResponse {
    pub(crate) balance: Amount,
}

// === impl TokensResponse ===

impl TokensResponse {
    pub(crate) fn new(signed: &Signed, refresh: bool) -> Self {
        Self {
            token: signed.token.expose_secret().to_owned(),
            refreshtoken: signed.refresh_token.expose_secret().to_owned(),
            refresh,
        }
    }
}

// === impl AccountResponse ===

impl AccountResponse {
    pub(crate) fn new(profile: Profile, balance: Money) -> Self {
        Self {
            name: profile.user_name,
            email: profile.email,
            balance: Amount(balance),
            register_date: profile.created_at.rfc3339(),
            last_login_date: profile
                .last_login_at
                .map_or_else(String::new, domain::Timestamp::rfc3339),
            is_verified: profile.verified,
        }
    }
}
