//! `POST /accounts/register`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use control::App;
use control::accounts::{self, Form};
use domain::ErrorKind;

use crate::cloudhero::client::Client;
use crate::cloudhero::wire::accounts::{RegisterRequest, TokensResponse};
use crate::http::body::Body;
use crate::http::edge::{Failure, RequestId};

/// Registers an organisation with its first user, or a user whom an organisation invited.
///
/// What is wrong is told by field, in the same array of one object (bare for the command-line client).
#[utoipa::path(post, path = "/accounts/register", tag = "accounts", security(()), request_body = RegisterRequest,
    responses((status = 200, body = [TokensResponse]), (status = 400, body = [TokensResponse])))]
pub(crate) async fn register(
    State(app): State<App>,
    client: Client,
    Extension(id): Extension<RequestId>,
    Body(request): Body<RegisterRequest>,
) -> Result<Response, Failure> {
    let form = Form {
        email: request.email,
        password: request.password,
        password_confirm: request.password_confirm,
        name: request.name,
        user_name: request.user_name,
        invitation: request.invitation,
    };
    match accounts::register(&app, form).await {
        Ok(registered) => Ok(client.one(TokensResponse::issued(&registered.tokens))),
        Err(error) if error.kind() == ErrorKind::Invalid && !error.wrong_fields().is_empty() => {
            let mut response = TokensResponse::refused(error.wrong_fields());
            response.request_id = Some(id.0);
            if client == Client::CommandLine {
                response.error = Some(error.message().to_owned());
            }
            Ok((StatusCode::BAD_REQUEST, client.one(response)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
