//! `POST /applications`.

use axum::extract::State;
use axum::response::Response;
use control::{App, applications};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::client::Client;
use crate::cloudhero::wire::applications::{ApplicationResponse, CreateApplicationRequest};
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Adds an application.
#[utoipa::path(post, path = "/applications", tag = "applications", request_body = CreateApplicationRequest,
    responses((status = 200, body = [ApplicationResponse]), (status = 400), (status = 409)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    client: Client,
    Body(request): Body<CreateApplicationRequest>,
) -> Result<Response, Failure> {
    let application = applications::create(
        &app,
        &actor,
        &request.application_name,
        &request.application_type,
    )
    .await?;
    Ok(client.one(ApplicationResponse::new(application, Vec::new())))
}
