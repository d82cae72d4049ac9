//! `PUT /v1/tags/update`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::servers::tags;
use domain::ServerId;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::ReplaceTagsRequest;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Gives a server these tags and no others, but for those that were set with a value that is no single word.
#[utoipa::path(put, path = "/tags/update", tag = "tags",
    request_body(content = ReplaceTagsRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<bool>), (status = 400), (status = 404)))]
pub(crate) async fn update(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<ReplaceTagsRequest>,
) -> Result<Json<Envelope<bool>>, Failure> {
    tags::replace(&app, &actor, ServerId(request.sub_id.0), &request.tags.0).await?;
    Ok(success(true))
}
