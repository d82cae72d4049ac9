//! `GET /v1/server/list`.

use axum::Json;
use axum::extract::State;
use control::{App, servers};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::cloudero::wire::servers::ServerResponse;
use crate::http::edge::Failure;

/// The organisation's servers, those of its environments and of its own cloud accounts included.
#[utoipa::path(get, path = "/server/list", tag = "server",
    responses((status = 200, body = Envelope<Vec<ServerResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<Vec<ServerResponse>>>, Failure> {
    let servers = servers::list(&app, &actor).await?;
    Ok(success(
        servers.into_iter().map(ServerResponse::from).collect(),
    ))
}
