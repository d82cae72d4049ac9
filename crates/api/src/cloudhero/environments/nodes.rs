//! `POST /environments/{id}/nodes`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use control::App;
use control::environments::{self, preview};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::plan::{Asked, Decision};
use crate::cloudhero::wire::environments::{NodeRequest, NodesResponse};
use crate::cloudhero::wire::messages::{Segment, id};
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Adds nodes to an environment.
#[utoipa::path(post, path = "/environments/{id}/nodes", tag = "environments", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header)),
    request_body = [NodeRequest],
    responses((status = 200, body = NodesResponse), (status = 400), (status = 402), (status = 403), (status = 404), (status = 409)))]
pub(crate) async fn add(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    asked: Asked,
    Body(nodes): Body<Vec<NodeRequest>>,
) -> Result<Response, Failure> {
    let id = id(&text, "environment")?;
    let nodes: Vec<_> = nodes.into_iter().map(Into::into).collect();
    let preview = preview::add(&app, &actor, &id, &nodes);
    let terms = match asked.decide(preview).await? {
        Decision::Answer(plan) => return Ok(plan),
        Decision::Make(terms) => terms,
    };
    let added = environments::add(&app, &actor, &id, &nodes, &terms).await?;
    Ok(Json(NodesResponse::new(id, added, "being made")).into_response())
}
