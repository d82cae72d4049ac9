//! `DELETE /integrations/{id}`.

use axum::Json;
use axum::extract::State;
use control::{App, integrations};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Message, Segment, id};
use crate::http::edge::Failure;

/// Deletes an account elsewhere. Environments that use it keep running.
#[utoipa::path(delete, path = "/integrations/{id}", tag = "integrations", params(("id" = String, Path)),
    responses((status = 200, body = Message), (status = 404)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
) -> Result<Json<Message>, Failure> {
    let id = id(&text, "integration")?;
    integrations::delete(&app, &actor, &id).await?;
    Ok(Json(Message::new("the integration was deleted", Some(id))))
}
