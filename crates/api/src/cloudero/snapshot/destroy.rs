//! `DELETE /v1/snapshot/destroy`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::servers::snapshots;
use domain::SnapshotId;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::numbers::one;
use crate::cloudero::wire::snapshots::SnapshotRequest;
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Forgets a snapshot.
#[utoipa::path(delete, path = "/snapshot/destroy", tag = "snapshot",
    request_body(content = SnapshotRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<EventId>), (status = 400), (status = 404), (status = 409)))]
pub(crate) async fn destroy(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<SnapshotRequest>,
) -> Result<Json<Envelope<EventId>>, Failure> {
    let id = one("snapshot", None, [request.id, request.snapshot_id])?;
    let operation = snapshots::destroy(&app, &actor, SnapshotId(id)).await?;
    Ok(event(&operation))
}
