//! `DELETE /nodes/{id}`.

use axum::Json;
use axum::extract::State;
use control::{App, environments};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Message, Segment, id};
use crate::http::edge::Failure;

/// Destroys one server of an environment.
#[utoipa::path(delete, path = "/nodes/{id}", tag = "environments", params(("id" = String, Path)),
    responses((status = 200, body = Message), (status = 404)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
) -> Result<Json<Message>, Failure> {
    let id = id(&text, "node")?;
    environments::delete_node(&app, &actor, &id).await?;
    Ok(Json(Message::new("the node is being destroyed", Some(id))))
}
