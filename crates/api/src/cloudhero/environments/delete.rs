//! `DELETE /environments/{id}`, and `GET` and `POST /environments/{id}/delete`.

use axum::extract::State;
use axum::response::Response;
use control::App;
use control::environments::{self, preview};

use super::guard::{Deliberate, Nothing};
use crate::cloudhero::auth::Caller;
use crate::cloudhero::plan::{Asked, Decision};
use crate::cloudhero::wire::messages::{Segment, id};
use crate::cloudhero::wire::outcomes::{OutcomesResponse, deleted};
use crate::http::edge::Failure;
use crate::http::wait::{Wait, Waiting};

/// Destroys all servers of an environment; it goes when the last one has gone.
#[utoipa::path(delete, path = "/environments/{id}", tag = "environments", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header), Waiting),
    responses((status = 200, body = OutcomesResponse), (status = 202, body = OutcomesResponse), (status = 404), (status = 409)))]
pub(crate) async fn delete(
    state: State<App>,
    caller: Caller,
    path: Segment,
    wait: Wait,
    asked: Asked,
) -> Result<Response, Failure> {
    post(state, caller, path, wait, asked).await
}

/// Does nothing.
#[utoipa::path(head, path = "/environments/{id}/delete", tag = "environments", params(("id" = String, Path)),
    responses((status = 200)))]
pub(crate) async fn head() -> Nothing {
    Nothing
}

/// Destroys all servers of an environment; it goes when the last one has gone.
#[utoipa::path(get, path = "/environments/{id}/delete", tag = "environments", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header), Waiting),
    responses((status = 200, body = OutcomesResponse), (status = 202, body = OutcomesResponse), (status = 404), (status = 409)))]
pub(crate) async fn get(
    state: State<App>,
    caller: Caller,
    path: Segment,
    wait: Wait,
    asked: Asked,
    _: Deliberate,
) -> Result<Response, Failure> {
    post(state, caller, path, wait, asked).await
}

/// Destroys all servers of an environment; it goes when the last one has gone.
#[utoipa::path(post, path = "/environments/{id}/delete", tag = "environments", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header), Waiting),
    responses((status = 200, body = OutcomesResponse), (status = 202, body = OutcomesResponse), (status = 404), (status = 409)))]
pub(crate) async fn post(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    wait: Wait,
    asked: Asked,
) -> Result<Response, Failure> {
    let id = id(&text, "environment")?;
    let terms = match asked.decide(preview::delete(&app, &actor, &id)).await? {
        Decision::Answer(plan) => return Ok(plan),
        Decision::Make(terms) => terms,
    };
    let deletion = environments::delete(&app, &actor, &id, wait.0, &terms).await?;
    Ok(deleted(&actor, deletion))
}
