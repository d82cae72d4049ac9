//! `POST /v1/server/{id}/restore_from_snapshot` and `POST /v1/server/restore_from_snapshot`.

use axum::Json;
use control::App;
use control::servers::snapshots;
use domain::account::Actor;
use domain::{ServerId, SnapshotId};

use super::either;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::servers::RestoreRequest;
use crate::http::edge::Failure;

either!(
    post,
    "/server/{id}/restore_from_snapshot",
    "/server/restore_from_snapshot",
    RestoreRequest,
    Envelope<EventId>,
    respond,
    "Puts a server's disk back to one of its own snapshots."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    request: RestoreRequest,
) -> Result<Json<Envelope<EventId>>, Failure> {
    let snapshot = SnapshotId(request.snapshot_id.0);
    Ok(event(&snapshots::restore(app, actor, id, snapshot).await?))
}
