//! `POST /integrations` and `POST /integrations/docker-hub`.

use axum::Json;
use axum::extract::State;
use control::integrations::DOCKER_HUB;
use control::{App, integrations};
use domain::Error;
use domain::account::Actor;

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::integrations::{CreateIntegrationRequest, IntegrationResponse};
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Adds an account elsewhere; `type` says of which kind. The answer echoes what was just sent, the password included.
#[utoipa::path(post, path = "/integrations", tag = "integrations", request_body = CreateIntegrationRequest,
    responses((status = 200, body = IntegrationResponse), (status = 400), (status = 409)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Body(request): Body<CreateIntegrationRequest>,
) -> Result<Json<IntegrationResponse>, Failure> {
    let kind = request
        .kind
        .clone()
        .ok_or_else(|| Error::invalid("type is missing").field("type"))?;
    respond(&app, &actor, &kind, &request).await
}

/// Adds a Docker Hub account.
#[utoipa::path(post, path = "/integrations/docker-hub", tag = "integrations", request_body = CreateIntegrationRequest,
    responses((status = 200, body = IntegrationResponse), (status = 400), (status = 409)))]
pub(crate) async fn create_docker_hub(
    State(app): State<App>,
    Caller(actor): Caller,
    Body(request): Body<CreateIntegrationRequest>,
) -> Result<Json<IntegrationResponse>, Failure> {
    respond(&app, &actor, DOCKER_HUB, &request).await
}

async fn respond(
    app: &App,
    actor: &Actor,
    kind: &str,
    request: &CreateIntegrationRequest,
) -> Result<Json<IntegrationResponse>, Failure> {
    let integration = integrations::create(app, actor, kind, &request.name, request.meta()).await?;
    Ok(Json(IntegrationResponse::new(integration, actor, true)))
}
