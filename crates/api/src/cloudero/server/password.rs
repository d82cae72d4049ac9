//! `POST /v1/server/{id}/change_password` and `POST /v1/server/change_password`.

use axum::Json;
use control::App;
use control::servers::change;
use domain::ServerId;
use domain::account::Actor;
use secrecy::ExposeSecret;

use super::either;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::cloudero::wire::servers::{PasswordResponse, ServerRequest};
use crate::http::edge::Failure;

either!(
    post,
    "/server/{id}/change_password",
    "/server/change_password",
    ServerRequest,
    Envelope<PasswordResponse>,
    respond,
    "Sets a new random password of root's inside the server. It can be read in this answer, and nowhere else."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    _: ServerRequest,
) -> Result<Json<Envelope<PasswordResponse>>, Failure> {
    let new = change::change_password(app, actor, id).await?;
    Ok(success(PasswordResponse {
        event_id: new.operation.id.0,
        password: new.password.expose_secret().to_owned(),
    }))
}
