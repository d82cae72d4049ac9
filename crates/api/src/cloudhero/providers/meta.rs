//! `GET /providers/{id}/meta`.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use control::{App, providers};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::messages::{Segment, id};
use crate::cloudhero::wire::providers::MetaResponse;
use crate::http::edge::Failure;

/// The regions and sizes that a cloud account offers. `Age` tells how many seconds ago its cloud said so, and `seen_at` when:
/// what is older than five minutes is asked for anew in the background, and what is older than an hour is waited for.
#[utoipa::path(get, path = "/providers/{id}/meta", tag = "providers", params(("id" = String, Path)),
    responses((status = 200, body = MetaResponse), (status = 404)))]
pub(crate) async fn meta(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
) -> Result<Response, Failure> {
    let id = id(&text, "provider")?;
    let dated = providers::offer(&app, &actor, &id).await?;
    let age = app.clock().now().since(dated.seen_at).as_secs();
    let headers = [(header::AGE, age.to_string())];
    Ok((headers, Json(MetaResponse::from(dated))).into_response())
}
