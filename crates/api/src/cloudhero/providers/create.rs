//! `POST /providers`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use control::{App, providers};
use domain::Error;
use serde_json::{Map, Value};

use crate::cloudhero::auth::Caller;
use crate::cloudhero::client::Client;
use crate::cloudhero::wire::providers::ProviderResponse;
use crate::http::body::Body;
use crate::http::edge::Failure;

/// Adds a cloud account once its cloud has accepted the credentials: `cloud_provider`, `provider_name`, and the
/// fields that `OPTIONS /providers` lists for it. The answer echoes what was just sent, secrets included.
#[utoipa::path(post, path = "/providers", tag = "providers", request_body = Object,
    responses((status = 200, body = ProviderResponse), (status = 400), (status = 409)))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    client: Client,
    Body(fields): Body<Map<String, Value>>,
) -> Result<Response, Failure> {
    let kind = match text(&fields, "cloud_provider")? {
        "digitalocean" => "digital_ocean",
        kind => kind,
    };
    let name = text(&fields, "provider_name")?;
    let provider = providers::create(&app, &actor, kind, name, &fields).await?;
    let response = ProviderResponse::new(provider, &actor.organisation.public_id, true);
    // The documentation shows EC2's answer as an array of one, and the others' as an object.
    if response.provider_type == "ec2" {
        return Ok(client.one(response));
    }
    Ok(Json(response).into_response())
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Error> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Error::invalid(format!("{name} must be a string")).field(name)),
        None => Err(Error::invalid(format!("{name} is missing")).field(name)),
    }
}
