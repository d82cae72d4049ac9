//! `POST /providers/{id}/import`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use control::App;
use control::environments::{self, Import, Importer, preview};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::plan::{Asked, Decision};
use crate::cloudhero::wire::environments::NodesResponse;
use crate::cloudhero::wire::messages::{Segment, id, id_in_body};
use crate::cloudhero::wire::providers::ImportRequest;
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Takes servers under management that the cloud account has already: nothing of them is changed but their tags. With
/// `plan=true` nothing is done, and the answer is what would be.
#[utoipa::path(post, path = "/providers/{id}/import", tag = "providers", params(("id" = String, Path),
        ("plan" = Option<bool>, Query), ("X-Plan" = Option<String>, Header)), request_body = ImportRequest,
    responses((status = 200, body = NodesResponse), (status = 400), (status = 404), (status = 409)))]
pub(crate) async fn import(
    State(app): State<App>,
    Caller(actor): Caller,
    Segment(text): Segment,
    asked: Asked,
    Body(request): Body<ImportRequest>,
) -> Result<Response, Failure> {
    let provider = id(&text, "provider")?;
    let application = request.application.as_deref();
    let application = application.map(|id| id_in_body(id, "application"));
    let wanted = Import {
        application: application.transpose()?,
        region: request.region,
        environment: request.environment,
        instances: request.instances,
        plan: request.size,
    };
    let importer = Importer::from(&actor);
    let preview = preview::import(&app, &importer, &provider, &wanted);
    let terms = match asked.decide(preview).await? {
        Decision::Answer(plan) => return Ok(plan),
        Decision::Make(terms) => terms,
    };
    let (id, nodes) = environments::import(&app, &importer, &provider, &wanted, &terms).await?;
    let response = NodesResponse::new(id, nodes, "being taken under management");
    Ok(Json(response).into_response())
}
