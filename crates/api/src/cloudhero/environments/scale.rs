//! `POST` and `DELETE /environments/{id}/scale`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use control::App;
use control::environments::{self, preview};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::plan::{Asked, Decision};
use crate::cloudhero::wire::environments::{NodesResponse, ScaleRequest};
use crate::cloudhero::wire::messages::{Segment, id};
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Adds `count` nodes like those that are named.
#[utoipa::path(post, path = "/environments/{id}/scale", tag = "environments", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header)),
    request_body = ScaleRequest,
    responses((status = 200, body = NodesResponse), (status = 400), (status = 402), (status = 403), (status = 404), (status = 409)))]
pub(crate) async fn up(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    asked: Asked,
    Body(request): Body<ScaleRequest>,
) -> Result<Response, Failure> {
    let id = id(&text, "environment")?;
    let (selector, count) = request.selector()?;
    let preview = preview::scale_up(&app, &actor, &id, &selector, count);
    let terms = match asked.decide(preview).await? {
        Decision::Answer(plan) => return Ok(plan),
        Decision::Make(terms) => terms,
    };
    let added = environments::scale_up(&app, &actor, &id, &selector, count, &terms).await?;
    Ok(Json(NodesResponse::new(id, added, "being made")).into_response())
}

/// Removes `count` of the nodes that are named, the newest first.
#[utoipa::path(delete, path = "/environments/{id}/scale", tag = "environments", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header)),
    request_body = ScaleRequest,
    responses((status = 200, body = NodesResponse), (status = 400), (status = 404)))]
pub(crate) async fn down(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    asked: Asked,
    Body(request): Body<ScaleRequest>,
) -> Result<Response, Failure> {
    let id = id(&text, "environment")?;
    let (selector, count) = request.selector()?;
    let preview = preview::scale_down(&app, &actor, &id, &selector, count);
    let terms = match asked.decide(preview).await? {
        Decision::Answer(plan) => return Ok(plan),
        Decision::Make(terms) => terms,
    };
    let going = environments::scale_down(&app, &actor, &id, &selector, count, &terms).await?;
    Ok(Json(NodesResponse::new(id, going, "being destroyed")).into_response())
}
