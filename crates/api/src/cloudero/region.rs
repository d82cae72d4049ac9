//! `GET /v1/region/list`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::catalog::on_sale;

use super::wire::catalog::RegionResponse;
use super::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;

/// The operator's regions. One whose status is false takes no new servers.
#[utoipa::path(get, path = "/region/list", tag = "region", security(()),
    responses((status = 200, body = Envelope<Vec<RegionResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
) -> Result<Json<Envelope<Vec<RegionResponse>>>, Failure> {
    let regions = on_sale(&app).await?.regions.into_iter();
    Ok(success(regions.map(RegionResponse::from).collect()))
}
