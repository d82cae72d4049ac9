//! `POST /applications/{id}/environments` and `POST /environments`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use control::App;
use control::environments::{self, NewEnvironment, NewNode, preview};
use domain::PublicId;
use domain::account::Actor;

use crate::cloudhero::auth::Caller;
use crate::cloudhero::plan::{Asked, Decision};
use crate::cloudhero::wire::environments::{CreateEnvironmentRequest, CreatedEnvironmentResponse};
use crate::cloudhero::wire::messages::{Segment, id, id_in_body};
use crate::http::body::Body;
use crate::http::edge::Failure;
use crate::http::wait::{Wait, Waiting};

/// Creates an environment in an application, and waits until it is ready: 30 s at the most, or as long as `wait`
/// says. With `plan=true` nothing is made, and the answer is what would be. 202: it goes on being made. 200 with `ready` false: a node failed, and `query` says which one and why.
#[utoipa::path(post, path = "/applications/{id}/environments", tag = "environments",
    params(("id" = String, Path), Waiting, ("plan" = Option<bool>, Query),
        ("X-Plan" = Option<String>, Header)), request_body = CreateEnvironmentRequest,
    responses((status = 200, body = CreatedEnvironmentResponse), (status = 202, body = CreatedEnvironmentResponse),
        (status = 400), (status = 402), (status = 403), (status = 404), (status = 409)))]
pub(crate) async fn create_in_application(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    wait: Wait,
    asked: Asked,
    Body(request): Body<CreateEnvironmentRequest>,
) -> Result<Response, Failure> {
    let application = id(&text, "application")?;
    respond(&app, &actor, Some(application), &wait, asked, request).await
}

/// The same in the default application.
#[utoipa::path(post, path = "/environments", tag = "environments", params(Waiting,
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header)),
    request_body = CreateEnvironmentRequest,
    responses((status = 200, body = CreatedEnvironmentResponse), (status = 202, body = CreatedEnvironmentResponse),
        (status = 400), (status = 402), (status = 403), (status = 404), (status = 409)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    wait: Wait,
    asked: Asked,
    Body(request): Body<CreateEnvironmentRequest>,
) -> Result<Response, Failure> {
    respond(&app, &actor, None, &wait, asked, request).await
}

async fn respond(
    app: &App,
    actor: &Actor,
    application: Option<PublicId>,
    wait: &Wait,
    asked: Asked,
    request: CreateEnvironmentRequest,
) -> Result<Response, Failure> {
    let integrations = request
        .integrations
        .iter()
        .map(|id| id_in_body(id, "integrations"));
    let new = NewEnvironment {
        application,
        provider: id_in_body(&request.provider_id, "provider_id")?,
        region: request.region,
        name: request.environment,
        integrations: integrations.collect::<Result<_, _>>()?,
        nodes: request.nodes.into_iter().map(NewNode::from).collect(),
    };
    let terms = match asked.decide(preview::create(app, actor, &new)).await? {
        Decision::Answer(plan) => return Ok(plan),
        Decision::Make(terms) => terms,
    };
    let environment = environments::create(app, actor, &new, &terms).await?;
    let ready = environments::wait_ready(app, actor, &environment, wait.0).await;
    let account = actor.organisation.public_id.clone();
    let status = if ready.is_some() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let ready = ready.unwrap_or(false);
    Ok((
        status,
        Json(CreatedEnvironmentResponse {
            ready,
            environment,
            account,
        }),
    )
        .into_response())
}
