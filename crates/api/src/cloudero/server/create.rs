//! `POST /v1/server/create`.

use axum::Json;
use axum::extract::State;
use control::{App, servers};

use crate::cloudero::auth::Caller;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::servers::CreateServerRequest;
use crate::http::edge::Failure;
use crate::http::fields::Fields;

/// Asks for a server. Its event tells how it goes.
#[utoipa::path(post, path = "/server/create", tag = "server",
    request_body(content = CreateServerRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<EventId>), (status = 400), (status = 402), (status = 403)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<CreateServerRequest>,
) -> Result<Json<Envelope<EventId>>, Failure> {
    let operation = servers::create_one(&app, &actor, &request.try_into()?).await?;
    Ok(event(&operation))
}
