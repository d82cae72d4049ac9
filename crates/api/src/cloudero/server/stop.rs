//! `POST /v1/server/{id}/stop` and `POST /v1/server/stop`.

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
    "/server/{id}/stop",
    "/server/stop",
    ServerRequest,
    Envelope<EventId>,
    respond,
    "Switches a server off."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    _: ServerRequest,
) -> Result<Json<Envelope<EventId>>, Failure> {
    Ok(event(&change::stop(app, actor, id).await?))
}
