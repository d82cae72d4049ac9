//! `GET /v1/sshkey/list`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use control::{App, ssh_keys};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::KeyResponse;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;

/// The organisation's public keys, by name.
#[utoipa::path(get, path = "/sshkey/list", tag = "sshkey",
    responses((status = 200, body = Envelope<BTreeMap<String, KeyResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<BTreeMap<String, KeyResponse>>>, Failure> {
    Ok(success(KeyResponse::all(
        ssh_keys::list(&app, &actor).await?,
    )))
}
