//! `GET /integrations`.

use axum::Json;
use axum::extract::State;
use control::{App, integrations};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::integrations::IntegrationResponse;
use crate::http::edge::Failure;

/// The organisation's accounts elsewhere, passwords masked.
#[utoipa::path(get, path = "/integrations", tag = "integrations",
    responses((status = 200, body = [IntegrationResponse])))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Vec<IntegrationResponse>>, Failure> {
    let all = integrations::list(&app, &actor).await?;
    Ok(Json(
        all.into_iter()
            .map(|one| IntegrationResponse::new(one, &actor, false))
            .collect(),
    ))
}
