//! `GET /v1/server/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use control::{App, servers};
use domain::ServerId;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::cloudero::wire::numbers::key_in_path;
use crate::cloudero::wire::servers::ServerResponse;
use crate::http::edge::Failure;

/// One server, in a list of one.
#[utoipa::path(get, path = "/server/{id}", tag = "server", params(("id" = i64, Path)),
    responses((status = 200, body = Envelope<Vec<ServerResponse>>), (status = 404)))]
pub(crate) async fn one(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> Result<Json<Envelope<Vec<ServerResponse>>>, Failure> {
    let id = ServerId(key_in_path("server", &id)?);
    Ok(success(vec![servers::find(&app, &actor, id).await?.into()]))
}
