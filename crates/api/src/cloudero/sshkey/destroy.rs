//! `DELETE /v1/sshkey/destroy`.

use axum::Json;
use axum::extract::State;
use control::{App, ssh_keys};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::KeyRequest;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Forgets the public key of that fingerprint. Servers that let it in go on doing so.
#[utoipa::path(delete, path = "/sshkey/destroy", tag = "sshkey",
    request_body(content = KeyRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<bool>), (status = 404)))]
pub(crate) async fn destroy(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<KeyRequest>,
) -> Result<Json<Envelope<bool>>, Failure> {
    ssh_keys::remove(&app, &actor, &request.fingerprint).await?;
    Ok(success(true))
}
