//! `POST /accounts/tokens`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::accounts::{self, Login};
use domain::Error;

use crate::cloudhero::wire::accounts::{TokensRequest, TokensResponse};
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Logs in with email and password, or changes a refreshing token for a new pair; the old pair is revoked then.
#[utoipa::path(post, path = "/accounts/tokens", tag = "accounts", security(()), request_body = TokensRequest,
    responses((status = 200, body = TokensResponse), (status = 401), (status = 429)))]
pub(crate) async fn tokens(
    State(app): State<App>,
    Body(request): Body<TokensRequest>,
) -> Result<Json<TokensResponse>, Failure> {
    let login = match request {
        TokensRequest {
            email: Some(email),
            password: Some(password),
            refreshing_token: None,
        } => Login::Password { email, password },
        TokensRequest {
            email: None,
            password: None,
            refreshing_token: Some(token),
        } => Login::Refresh(token),
        _ => {
            return Err(
                Error::invalid("send either email and password, or refreshing_token").into(),
            );
        }
    };
    let tokens = accounts::login(&app, login).await?;
    Ok(Json(TokensResponse::issued(&tokens)))
}
