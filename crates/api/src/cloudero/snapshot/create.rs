//! `POST /v1/snapshot/create`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::servers::snapshots;
use domain::ServerId;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::numbers::one;
use crate::cloudero::wire::snapshots::CreateSnapshotRequest;
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Keeps a server's disk as it is now.
#[utoipa::path(post, path = "/snapshot/create", tag = "snapshot",
    request_body(content = CreateSnapshotRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<EventId>), (status = 400), (status = 402), (status = 404), (status = 409)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<CreateSnapshotRequest>,
) -> Result<Json<Envelope<EventId>>, Failure> {
    let server = ServerId(one("server", None, [request.id, request.subscription_id])?);
    let operation = snapshots::create(&app, &actor, server, &request.name).await?;
    Ok(event(&operation))
}
