//! `GET /v1/package/list`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::catalog::on_sale;

use super::wire::catalog::PackageResponse;
use super::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;

/// The packages (plans) of servers.
#[utoipa::path(get, path = "/package/list", tag = "package", security(()),
    responses((status = 200, body = Envelope<Vec<PackageResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
) -> Result<Json<Envelope<Vec<PackageResponse>>>, Failure> {
    let sold = on_sale(&app).await?;
    let regions = sold.region_slugs();
    let shown = sold.plans.into_iter();
    Ok(success(
        shown
            .map(|plan| PackageResponse::new(plan, &regions))
            .collect(),
    ))
}
