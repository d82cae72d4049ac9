//! `POST /feedback`.

use axum::Json;
use axum::extract::State;
use control::{App, journal};
use serde_json::Value;

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::Message;
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Stores a user's opinion, any JSON of at most 64 KiB.
#[utoipa::path(post, path = "/feedback", tag = "journal", request_body = Object,
    responses((status = 200, body = Message), (status = 400)))]
pub(crate) async fn feedback(
    State(app): State<App>,
    Caller(actor): Caller,
    Body(body): Body<Value>,
) -> Result<Json<Message>, Failure> {
    journal::add(&app, &actor, "feedback", &body).await?;
    Ok(Json(Message::new(
        "the feedback was stored; thank you",
        None,
    )))
}
