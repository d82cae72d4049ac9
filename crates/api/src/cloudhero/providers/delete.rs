//! `DELETE /providers/{id}`.

use axum::Json;
use axum::extract::State;
use control::{App, providers};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Message, Segment, id};
use crate::http::edge::Failure;

/// Deletes a cloud account on which no server lives.
#[utoipa::path(delete, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)),
    responses((status = 200, body = Message), (status = 404), (status = 409)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
) -> Result<Json<Message>, Failure> {
    let id = id(&text, "provider")?;
    providers::delete(&app, &actor, &id).await?;
    Ok(Json(Message::new("the provider was deleted", Some(id))))
}
