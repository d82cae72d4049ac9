//! `GET /v1/snapshot/list`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::servers::snapshots;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::cloudero::wire::snapshots::SnapshotResponse;
use crate::http::edge::Failure;

/// The organisation's snapshots.
#[utoipa::path(get, path = "/snapshot/list", tag = "snapshot",
    responses((status = 200, body = Envelope<Vec<SnapshotResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<Vec<SnapshotResponse>>>, Failure> {
    let all = snapshots::list(&app, &actor).await?;
    Ok(success(
        all.into_iter().map(SnapshotResponse::from).collect(),
    ))
}
