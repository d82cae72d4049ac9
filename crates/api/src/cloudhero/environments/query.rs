//! `GET` and `POST /environments/{id}/query`.

use axum::extract::State;
use axum::response::Response;
use control::{App, environments};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Segment, id};
use crate::cloudhero::wire::outcomes::{OutcomesResponse, queried};
use crate::http::edge::Failure;

/// What an environment's cloud shows of its servers now.
#[utoipa::path(get, path = "/environments/{id}/query", tag = "environments", params(("id" = String, Path)),
    responses((status = 200, body = OutcomesResponse), (status = 404)))]
pub(crate) async fn get(
    state: State<App>,
    caller: Caller,
    path: Segment,
) -> Result<Response, Failure> {
    post(state, caller, path).await
}

/// What an environment's cloud shows of its servers now.
#[utoipa::path(post, path = "/environments/{id}/query", tag = "environments", params(("id" = String, Path)),
    responses((status = 200, body = OutcomesResponse), (status = 404)))]
pub(crate) async fn post(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
) -> Result<Response, Failure> {
    let id = id(&text, "environment")?;
    let seen = environments::query(&app, &actor, &id).await?;
    Ok(queried(&actor, seen))
}
