//! `GET /v1/server/list`.
//!
//! What panels and scripts ask for most, each of them again and again: as long as nothing changes all are answered with the
//! same bytes, read and written once.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use control::{App, Kept, Moment, servers};
use domain::{Error, OrganisationId};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::cloudero::wire::servers::ServerResponse;
use crate::http::edge::Failure;

/// How much memory all that are kept may take, in bytes. One that takes more than a quarter of it is not kept.
const MOST: u64 = 16 << 20;

/// What a list takes besides its bytes.
const ENTRY: u64 = 300;

/// The lists that are kept.
#[derive(Clone)]
pub(crate) struct Lists(Arc<Kept<OrganisationId, Bytes>>);

// === impl Lists ===

impl Default for Lists {
    fn default() -> Self {
        let weight =
            |bytes: &Bytes| u64::try_from(bytes.len()).map_or(MOST, |length| length + ENTRY);
        Self(Arc::new(Kept::new(MOST, weight)))
    }
}

/// The organisation's servers, those of its environments and of its own cloud accounts included.
#[utoipa::path(get, path = "/server/list", tag = "server",
    responses((status = 200, body = Envelope<Vec<ServerResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(lists): Extension<Lists>,
    Extension(at): Extension<Moment>,
    Caller(actor): Caller,
) -> Result<Response, Failure> {
    let read = || async {
        let servers = servers::list(&app, &actor).await?;
        let list: Vec<_> = servers.into_iter().map(ServerResponse::from).collect();
        let bytes = serde_json::to_vec(&success(list).0)
            .map_err(|error| Error::internal("a list can't be written as JSON").source(error))?;
        Ok(Bytes::from(bytes.into_boxed_slice()))
    };
    let bytes = lists.0.get(&at, &actor.organisation.id, read).await?;
    Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}
