//! `PUT /v1/sshkey/update`.

use axum::Json;
use axum::extract::State;
use control::{App, ssh_keys};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::RenameKeyRequest;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Renames the public key of that fingerprint.
#[utoipa::path(put, path = "/sshkey/update", tag = "sshkey",
    request_body(content = RenameKeyRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<bool>), (status = 400), (status = 404), (status = 409)))]
pub(crate) async fn update(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<RenameKeyRequest>,
) -> Result<Json<Envelope<bool>>, Failure> {
    ssh_keys::rename(&app, &actor, &request.fingerprint, &request.name).await?;
    Ok(success(true))
}
