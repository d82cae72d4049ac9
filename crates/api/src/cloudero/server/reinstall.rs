//! `POST /v1/server/{id}/refresh_install` and `POST /v1/server/refresh_install`.

use axum::Json;
use control::App;
use control::servers::change;
use domain::ServerId;
use domain::account::Actor;

use super::either;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::servers::ReinstallRequest;
use crate::http::edge::Failure;

either!(
    post,
    "/server/{id}/refresh_install",
    "/server/refresh_install",
    ReinstallRequest,
    Envelope<EventId>,
    respond,
    "Replaces a server's system by an image's, or by its own anew. Its id, name and addresses stay."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    request: ReinstallRequest,
) -> Result<Json<Envelope<EventId>>, Failure> {
    let operation = change::rebuild(app, actor, id, request.image.as_deref()).await?;
    Ok(event(&operation))
}
