//! `POST /v1/user/refreshtoken`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::{App, accounts};
use domain::Error;

use crate::cloudero::auth::bearer;
use crate::cloudero::wire::accounts::{RefreshRequest, TokensResponse};
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Changes a refresh token for a new pair. It is good once: used again, it ends the whole login.
#[utoipa::path(post, path = "/user/refreshtoken", tag = "user", security(()),
    request_body(content = RefreshRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<TokensResponse>), (status = 401)))]
pub(crate) async fn refresh(
    State(app): State<App>,
    headers: HeaderMap,
    Fields(request): Fields<RefreshRequest>,
) -> Result<Json<Envelope<TokensResponse>>, Failure> {
    let sent = request.refreshtoken.or(request.refresh);
    let token = match sent {
        Some(token) => token,
        None => bearer(&headers)?.ok_or_else(|| Error::invalid("refreshtoken is missing"))?,
    };
    let signed = accounts::refresh(&app, &token).await?;
    Ok(success(TokensResponse::new(&signed, true)))
}
