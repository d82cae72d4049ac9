//! `POST /v1/tags/create`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::servers::tags;
use domain::ServerId;

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::catalog::CreateTagsRequest;
use crate::cloudero::wire::envelope::{Envelope, success};
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Adds tags to servers. Those that they have already are left alone; `name=value` gives the tag of that name this value.
#[utoipa::path(post, path = "/tags/create", tag = "tags",
    request_body(content = CreateTagsRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<bool>), (status = 400), (status = 404)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<CreateTagsRequest>,
) -> Result<Json<Envelope<bool>>, Failure> {
    let ids: Vec<_> = request.sub_ids.all().into_iter().map(ServerId).collect();
    tags::add(&app, &actor, &ids, &request.tags.0).await?;
    Ok(success(true))
}
