//! `DELETE /v1/server/{id}/destroy` and `DELETE /v1/server/destroy`.

use axum::Json;
use control::App;
use control::servers::change;
use domain::ServerId;
use domain::account::Actor;

use super::either;
use crate::cloudero::wire::envelope::{Destroyed, destroyed};
use crate::cloudero::wire::servers::ServerRequest;
use crate::http::edge::Failure;

either!(
    delete,
    "/server/{id}/destroy",
    "/server/destroy",
    ServerRequest,
    Destroyed,
    respond,
    "Destroys a server, and its snapshots with it."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    _: ServerRequest,
) -> Result<Json<Destroyed>, Failure> {
    Ok(destroyed(&change::destroy(app, actor, id).await?))
}
