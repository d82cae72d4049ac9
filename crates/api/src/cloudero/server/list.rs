//! `GET /v1/server/list`.
//!
//! What panels and scripts ask for most, each of them again and again: those who ask at the same time for the same
//! organisation are answered with the same bytes, read and written once.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use control::{App, Together, servers};
use domain::{Error, OrganisationId};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::cloudero::wire::servers::ServerResponse;
use crate::http::edge::Failure;

/// The lists that are being read.
pub(crate) type Lists = Arc<Together<OrganisationId, Bytes>>;

/// The organisation's servers, those of its environments and of its own cloud accounts included.
#[utoipa::path(get, path = "/server/list", tag = "server",
    responses((status = 200, body = Envelope<Vec<ServerResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(lists): Extension<Lists>,
    Caller(actor): Caller,
) -> Result<Response, Failure> {
    let read = || async {
        let servers = servers::list(&app, &actor).await?;
        let list: Vec<_> = servers.into_iter().map(ServerResponse::from).collect();
        let bytes = serde_json::to_vec(&success(list).0)
            .map_err(|error| Error::internal("a list can't be written as JSON").source(error))?;
        Ok(Bytes::from(bytes))
    };
    let bytes = lists.get(actor.organisation.id, read).await?;
    Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}
