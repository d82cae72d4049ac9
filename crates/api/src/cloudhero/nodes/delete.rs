//! `DELETE /nodes/{id}`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use control::App;
use control::environments::{self, preview};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::plan::{Asked, Decision};
use crate::cloudhero::wire::messages::{Message, Segment, id};
use crate::http::edge::Failure;

/// Destroys one server of an environment.
#[utoipa::path(delete, path = "/nodes/{id}", tag = "environments", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header)),
    responses((status = 200, body = Message), (status = 404)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    asked: Asked,
) -> Result<Response, Failure> {
    let id = id(&text, "node")?;
    let terms = match asked
        .decide(preview::delete_node(&app, &actor, &id))
        .await?
    {
        Decision::Answer(plan) => return Ok(plan),
        Decision::Make(terms) => terms,
    };
    let stays = environments::delete_node(&app, &actor, &id, &terms).await?;
    let what = if stays {
        "the node was not taken under management, and stays at its cloud as it is"
    } else {
        "the node is being destroyed"
    };
    Ok(Json(Message::new(what, Some(id))).into_response())
}
