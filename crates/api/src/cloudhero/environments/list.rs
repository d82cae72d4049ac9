//! `GET /environments`.

use axum::Json;
use axum::extract::State;
use control::{App, environments};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::environments::EnvironmentResponse;
use crate::http::edge::Failure;

/// The organisation's environments.
#[utoipa::path(get, path = "/environments", tag = "environments",
    responses((status = 200, body = [EnvironmentResponse])))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Vec<EnvironmentResponse>>, Failure> {
    let views = environments::list(&app, &actor).await?;
    Ok(Json(
        views.into_iter().map(EnvironmentResponse::from).collect(),
    ))
}
