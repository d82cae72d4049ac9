//! `POST /v1/server/{id}/start` and `POST /v1/server/start`.

use axum::Json;
use control::App;
use control::servers::change;
use domain::ServerId;
use domain::account::Actor;

use super::either;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::servers::ServerRequest;
use crate::http::edge::Failure;

either!(
    post,
    "/server/{id}/start",
    "/server/start",
    ServerRequest,
    Envelope<EventId>,
    respond,
    "Switches a server on."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    _: ServerRequest,
) -> Result<Json<Envelope<EventId>>, Failure> {
    Ok(event(&change::start(app, actor, id).await?))
}
