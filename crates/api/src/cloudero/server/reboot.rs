//! `POST /v1/server/{id}/reboot` and `POST /v1/server/reboot`.

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
    "/server/{id}/reboot",
    "/server/reboot",
    ServerRequest,
    Envelope<EventId>,
    respond,
    "Restarts a server."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    _: ServerRequest,
) -> Result<Json<Envelope<EventId>>, Failure> {
    Ok(event(&change::reboot(app, actor, id).await?))
}
