//! `GET` and `POST /environments/{id}/start`.

use axum::extract::State;
use axum::response::Response;
use control::{App, environments};

use super::guard::{Deliberate, Nothing};
use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Segment, id};
use crate::cloudhero::wire::outcomes::{OutcomesResponse, switched};
use crate::http::edge::Failure;
use crate::http::wait::{Wait, Waiting};

/// Does nothing.
#[utoipa::path(head, path = "/environments/{id}/start", tag = "environments", params(("id" = String, Path)),
    responses((status = 200)))]
pub(crate) async fn head() -> Nothing {
    Nothing
}

/// Starts all servers of an environment, and answers when each cloud has accepted it.
#[utoipa::path(get, path = "/environments/{id}/start", tag = "environments", params(("id" = String, Path), Waiting),
    responses((status = 200, body = OutcomesResponse), (status = 202, body = OutcomesResponse), (status = 404)))]
pub(crate) async fn get(
    state: State<App>,
    caller: Caller,
    path: Segment,
    wait: Wait,
    _: Deliberate,
) -> Result<Response, Failure> {
    post(state, caller, path, wait).await
}

/// Starts all servers of an environment, and answers when each cloud has accepted it.
#[utoipa::path(post, path = "/environments/{id}/start", tag = "environments", params(("id" = String, Path), Waiting),
    responses((status = 200, body = OutcomesResponse), (status = 202, body = OutcomesResponse), (status = 404)))]
pub(crate) async fn post(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    wait: Wait,
) -> Result<Response, Failure> {
    let id = id(&text, "environment")?;
    let (view, outcomes) = environments::start(&app, &actor, &id, wait.0).await?;
    Ok(switched(&actor, &view, &outcomes))
}
