//! `GET /v1/tags/list`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::servers::tags;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::TagResponse;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;

/// The tags of the organisation's servers.
#[utoipa::path(get, path = "/tags/list", tag = "tags",
    responses((status = 200, body = Envelope<Vec<TagResponse>>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<Vec<TagResponse>>>, Failure> {
    Ok(success(TagResponse::all(tags::list(&app, &actor).await?)))
}
