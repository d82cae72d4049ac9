//! `DELETE /applications/{id}`.

use axum::Json;
use axum::extract::State;
use control::{App, applications};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Message, Segment, id};
use crate::http::edge::Failure;

/// Deletes an application in which there are no environments.
#[utoipa::path(delete, path = "/applications/{id}", tag = "applications", params(("id" = String, Path)),
    responses((status = 200, body = Message), (status = 404), (status = 409)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
) -> Result<Json<Message>, Failure> {
    let id = id(&text, "application")?;
    applications::delete(&app, &actor, &id).await?;
    Ok(Json(Message::new("the application was deleted", Some(id))))
}
