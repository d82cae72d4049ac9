//! `GET /applications`.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use control::{App, applications, environments};
use domain::PublicId;

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::applications::ApplicationResponse;
use crate::cloudhero::wire::environments::EnvironmentResponse;
use crate::http::edge::Failure;

/// The organisation's applications, with their environments and nodes.
#[utoipa::path(get, path = "/applications", tag = "applications",
    responses((status = 200, body = [ApplicationResponse])))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Vec<ApplicationResponse>>, Failure> {
    let applications = applications::list(&app, &actor).await?;
    let mut within: HashMap<PublicId, Vec<EnvironmentResponse>> = HashMap::new();
    for view in environments::list(&app, &actor).await? {
        within
            .entry(view.application.public_id.clone())
            .or_default()
            .push(view.into());
    }
    let with = |application: domain::environment::Application| {
        let environments = within.remove(&application.public_id).unwrap_or_default();
        ApplicationResponse::new(application, environments)
    };
    Ok(Json(applications.into_iter().map(with).collect()))
}
