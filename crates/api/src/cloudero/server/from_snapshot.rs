//! `POST /v1/server/{id}/create_from_snapshot` and `POST /v1/server/create_from_snapshot`.

use axum::Json;
use axum::extract::{Path, State};
use control::{App, servers};
use domain::ServerId;
use domain::account::Actor;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::numbers::one;
use crate::cloudero::wire::servers::CreateFromSnapshotRequest;
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Asks for a server that begins as a snapshot of the one in the path.
#[utoipa::path(post, path = "/server/{id}/create_from_snapshot", tag = "server", params(("id" = i64, Path)),
    request_body(content = CreateFromSnapshotRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<EventId>), (status = 400), (status = 402), (status = 404)))]
pub(crate) async fn by_path(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Fields(request): Fields<CreateFromSnapshotRequest>,
) -> Result<Json<Envelope<EventId>>, Failure> {
    respond(&app, &actor, Some(&id), request).await
}

/// Asks for a server that begins as a snapshot.
#[utoipa::path(post, path = "/server/create_from_snapshot", tag = "server",
    request_body(content = CreateFromSnapshotRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<EventId>), (status = 400), (status = 402), (status = 404)))]
pub(crate) async fn by_body(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<CreateFromSnapshotRequest>,
) -> Result<Json<Envelope<EventId>>, Failure> {
    respond(&app, &actor, None, request).await
}

async fn respond(
    app: &App,
    actor: &Actor,
    path: Option<&str>,
    request: CreateFromSnapshotRequest,
) -> Result<Json<Envelope<EventId>>, Failure> {
    let sent = [request.id, request.subscription_id];
    // The snapshot says whose it is, so that no server need be named.
    let server = if path.is_some() || sent.iter().any(Option::is_some) {
        Some(ServerId(one("server", path, sent)?))
    } else {
        None
    };
    let new = request.of(server)?;
    let operation = servers::create_from_snapshot(app, actor, &new).await?;
    Ok(event(&operation))
}
