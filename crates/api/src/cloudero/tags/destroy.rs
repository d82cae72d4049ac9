//! `DELETE /v1/tags/destroy`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::servers::tags;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::TagRequest;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Takes a tag from all servers that have it.
#[utoipa::path(delete, path = "/tags/destroy", tag = "tags",
    request_body(content = TagRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<bool>), (status = 400), (status = 404)))]
pub(crate) async fn destroy(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<TagRequest>,
) -> Result<Json<Envelope<bool>>, Failure> {
    tags::remove(&app, &actor, &request.tag).await?;
    Ok(success(true))
}
