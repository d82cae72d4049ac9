//! `GET /v1/event/list` and `GET /v1/event/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use control::{App, events};

use super::auth::Caller;
use super::wire::envelope::{Envelope, success};
use super::wire::events::EventResponse;
use super::wire::numbers::key_in_path;
use crate::http::edge::Failure;

/// The events of the last day, the oldest first.
#[utoipa::path(get, path = "/event/list", tag = "event",
    responses((status = 200, body = Envelope<Vec<EventResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<Vec<EventResponse>>>, Failure> {
    let events = events::list(&app, &actor).await?;
    Ok(success(
        events.into_iter().map(EventResponse::from).collect(),
    ))
}

/// One event, however old.
#[utoipa::path(get, path = "/event/{id}", tag = "event", params(("id" = i64, Path)),
    responses((status = 200, body = Envelope<EventResponse>), (status = 404)))]
pub(crate) async fn one(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> Result<Json<Envelope<EventResponse>>, Failure> {
    let id = key_in_path("event", &id)?;
    Ok(success(events::find(&app, &actor, id).await?.into()))
}
