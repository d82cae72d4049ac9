//! `GET /v1/server/{id}/snapshots`.

use axum::Json;
use axum::extract::{Path, State};
use control::App;
use control::servers::snapshots;
use domain::ServerId;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::cloudero::wire::numbers::key_in_path;
use crate::cloudero::wire::snapshots::SnapshotResponse;
use crate::http::edge::Failure;

/// A server's snapshots.
#[utoipa::path(get, path = "/server/{id}/snapshots", tag = "server", params(("id" = i64, Path)),
    responses((status = 200, body = Envelope<Vec<SnapshotResponse>>), (status = 404)))]
pub(crate) async fn snapshots(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> Result<Json<Envelope<Vec<SnapshotResponse>>>, Failure> {
    let id = ServerId(key_in_path("server", &id)?);
    let all = snapshots::of_server(&app, &actor, id).await?;
    Ok(success(
        all.into_iter().map(SnapshotResponse::from).collect(),
    ))
}
