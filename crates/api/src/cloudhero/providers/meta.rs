//! `GET /providers/{id}/meta`.

use axum::Json;
use axum::extract::State;
use control::{App, providers};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Segment, id};
use crate::cloudhero::wire::providers::MetaResponse;
use crate::http::edge::Failure;

/// The regions and sizes that a cloud account offers, seen five minutes ago at the most where the cloud answers.
#[utoipa::path(get, path = "/providers/{id}/meta", tag = "providers", params(("id" = String, Path)),
    responses((status = 200, body = MetaResponse), (status = 404)))]
pub(crate) async fn meta(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
) -> Result<Json<MetaResponse>, Failure> {
    let id = id(&text, "provider")?;
    Ok(Json(providers::offer(&app, &actor, &id).await?.into()))
}
