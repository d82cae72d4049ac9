//! `POST /v1/user/login`.

use axum::Json;
use axum::extract::State;
use control::{App, accounts};

use crate::cloudero::wire::accounts::{LoginRequest, TokensResponse};
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Logs in with email and password.
#[utoipa::path(post, path = "/user/login", tag = "user", security(()),
    request_body(content = LoginRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<TokensResponse>), (status = 401), (status = 429)))]
pub(crate) async fn login(
    State(app): State<App>,
    Fields(request): Fields<LoginRequest>,
) -> Result<Json<Envelope<TokensResponse>>, Failure> {
    let signed = accounts::log_in(&app, &request.username, request.password).await?;
    Ok(success(TokensResponse::new(&signed, false)))
}
