//! `OPTIONS /providers`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use control::{App, providers};

use crate::cloudhero::wire::providers::KindResponse;

/// The kinds of provider that can be added, and the fields that each wants.
///
/// With `Access-Control-Request-Method` it is a CORS preflight: other origins are not let in.
#[utoipa::path(options, path = "/providers", tag = "providers", security(()),
    responses((status = 200, body = BTreeMap<String, KindResponse>), (status = 204)))]
pub(crate) async fn options(State(app): State<App>, headers: HeaderMap) -> Response {
    if headers.contains_key("access-control-request-method") {
        return StatusCode::NO_CONTENT.into_response();
    }
    let kinds = providers::kinds(&app)
        .into_iter()
        .map(|kind| (kind.name, KindResponse::from(kind)));
    Json(kinds.collect::<BTreeMap<_, _>>()).into_response()
}
