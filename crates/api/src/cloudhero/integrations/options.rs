//! `OPTIONS /integrations`.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use control::integrations::{DOCKER_HUB, DOCKER_HUB_FIELDS};

use crate::cloudhero::wire::providers::{FieldResponse, KindResponse};

/// The kinds of integration that can be added, and the fields that each wants.
///
/// With `Access-Control-Request-Method` it is a CORS preflight: other origins are not let in.
#[utoipa::path(options, path = "/integrations", tag = "integrations", security(()),
    responses((status = 200, body = BTreeMap<String, KindResponse>), (status = 204)))]
pub(crate) async fn options(headers: HeaderMap) -> Response {
    if headers.contains_key("access-control-request-method") {
        return StatusCode::NO_CONTENT.into_response();
    }
    let field = |field: control::integrations::Field| FieldResponse {
        short: field.short,
        long: field.long,
        description: field.description,
    };
    let kind = KindResponse {
        description: "An account at Docker Hub or another Docker registry",
        mandatory_fields: DOCKER_HUB_FIELDS.into_iter().map(field).collect(),
    };
    Json(BTreeMap::from([(DOCKER_HUB, kind)])).into_response()
}
