//! `/account`, and `GET /user`, which is the same as its detail.

use axum::Json;
use axum::extract::State;
use control::{App, accounts, billing};
use domain::account::Actor;

use super::auth::Caller;
use super::wire::accounts::{AccountResponse, BalanceResponse};
use super::wire::envelope::{Envelope, success};
use super::wire::numbers::Amount;
use crate::http::edge::Failure;

/// What the caller reads about itself, and what its organisation has.
#[utoipa::path(get, path = "/account/detail", tag = "account",
    responses((status = 200, body = Envelope<AccountResponse>)))]
pub(crate) async fn detail(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<AccountResponse>>, Failure> {
    respond(&app, &actor).await
}

/// The same as `account/detail`.
#[utoipa::path(get, path = "/user", tag = "account",
    responses((status = 200, body = Envelope<AccountResponse>)))]
pub(crate) async fn user(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<AccountResponse>>, Failure> {
    respond(&app, &actor).await
}

async fn respond(app: &App, actor: &Actor) -> Result<Json<Envelope<AccountResponse>>, Failure> {
    let profile = accounts::profile(app, actor).await?;
    let balance = billing::balance(app, actor.organisation.id).await?;
    Ok(success(AccountResponse::new(profile, balance)))
}

/// What the caller's organisation has.
#[utoipa::path(get, path = "/account/user_balance", tag = "account",
    responses((status = 200, body = Envelope<BalanceResponse>)))]
pub(crate) async fn balance(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<BalanceResponse>>, Failure> {
    let balance = billing::balance(&app, actor.organisation.id).await?;
    Ok(success(BalanceResponse {
        balance: Amount(balance),
    }))
}
