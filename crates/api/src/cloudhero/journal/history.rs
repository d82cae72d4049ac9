//! `POST /history`.

use axum::Json;
use axum::extract::State;
use control::{App, journal};
use serde_json::Value;

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::Message;
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Stores a client's command history, any JSON of at most 64 KiB.
#[utoipa::path(post, path = "/history", tag = "journal", request_body = Object,
    responses((status = 200, body = Message), (status = 400)))]
pub(crate) async fn history(
    State(app): State<App>,
    Caller(actor): Caller,
    Body(body): Body<Value>,
) -> Result<Json<Message>, Failure> {
    journal::add(&app, &actor, "history", &body).await?;
    Ok(Json(Message::new("the history was stored", None)))
}
