//! `POST /v1/sshkey/create`.

use axum::Json;
use axum::extract::State;
use control::{App, ssh_keys};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::CreateKeyRequest;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Adds a public key: RSA, ECDSA, Ed25519, or a FIDO form of these.
#[utoipa::path(post, path = "/sshkey/create", tag = "sshkey",
    request_body(content = CreateKeyRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<bool>), (status = 400), (status = 409)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<CreateKeyRequest>,
) -> Result<Json<Envelope<bool>>, Failure> {
    ssh_keys::create(&app, &actor, &request.name, &request.public_key).await?;
    Ok(success(true))
}
