//! `GET /providers`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use control::{App, providers};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::providers::ProviderResponse;
use crate::http::edge::Failure;

/// The organisation's cloud accounts, by type, secrets masked.
#[utoipa::path(get, path = "/providers", tag = "providers",
    responses((status = 200, body = BTreeMap<String, Vec<ProviderResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<BTreeMap<String, Vec<ProviderResponse>>>, Failure> {
    let reveal = app.settings.reveal_provider_secrets;
    let mut by_type: BTreeMap<String, Vec<ProviderResponse>> = BTreeMap::new();
    for provider in providers::list(&app, &actor).await? {
        let response = ProviderResponse::new(provider, &actor.organisation.public_id, reveal);
        by_type
            .entry(response.provider_type.clone())
            .or_default()
            .push(response);
    }
    Ok(Json(by_type))
}
