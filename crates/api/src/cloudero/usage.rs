//! `GET /v1/usage/list`.

use axum::Json;
use axum::extract::State;
use control::servers::Used;
use control::{App, servers};
use domain::ServerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::wire::envelope::{Envelope, success};
use super::wire::numbers::{Key, one};
use crate::http::edge::Failure;
use crate::http::fields::Asked;

/// Whose traffic is meant.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Params {
    /// The server's id.
    #[param(value_type = i64)]
    id: Option<Key>,
    /// Another name of `id`.
    #[param(value_type = Option<i64>)]
    subscription_id: Option<Key>,
}

/// What went through a server: `[KiB/s, Unix time]`, the oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageResponse {
    /// Received by the server.
    #[schema(value_type = Vec<Vec<f64>>)]
    incoming: Vec<(f64, i64)>,
    /// Sent by the server.
    #[schema(value_type = Vec<Vec<f64>>)]
    outgoing: Vec<(f64, i64)>,
}

/// A server's traffic, averaged over five minutes each for the last week and over an hour each for the year before.
#[utoipa::path(get, path = "/usage/list", tag = "usage", params(Params),
    responses((status = 200, body = Envelope<UsageResponse>), (status = 400), (status = 404)))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Asked(params): Asked<Params>,
) -> Result<Json<Envelope<UsageResponse>>, Failure> {
    let id = ServerId(one("server", None, [params.id, params.subscription_id])?);
    let usage = servers::usage(&app, &actor, id).await?;
    let shown = |all: Vec<Used>| all.iter().map(rate).collect();
    Ok(success(UsageResponse {
        incoming: shown(usage.incoming),
        outgoing: shown(usage.outgoing),
    }))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is a measure, not an account"
)]
fn rate(used: &Used) -> (f64, i64) {
    let rate = used.bytes as f64 / 1024.0 / used.seconds.max(1) as f64;
    (rate, used.began_at.0.div_euclid(1_000_000))
}
