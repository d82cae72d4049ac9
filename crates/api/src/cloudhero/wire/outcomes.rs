//! `std_out`: what was seen or done, by account, type and server.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::environments::{Deletion, EnvironmentView, Outcome, Queried, Switched};
use domain::account::Actor;
use domain::names;
use domain::server::{Power, Server};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// `{"std_out": {ACCOUNT: {TYPE: {SERVER: ...}}}, "success": true}`.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutcomesResponse {
    #[schema(value_type = Object)]
    std_out: Value,
    success: bool,
    /// Why what is shown was seen before and not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<String>,
    /// Why an environment without servers is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<String>,
}

// === impl OutcomesResponse ===

impl OutcomesResponse {
    fn new(
        actor: &Actor,
        view: &EnvironmentView,
        servers: &Map<String, Value>,
        success: bool,
    ) -> Self {
        let kind = &view.provider.kind;
        let account = [
            &actor.organisation.slug,
            &actor.user_name,
            &view.provider.name,
            kind,
        ]
        .map(|part| names::slug(part))
        .join("-");
        let std_out = json!({account: {kind: servers}});
        Self {
            std_out,
            success,
            stale: None,
            pending: None,
        }
    }
}

/// What a query shows.
pub(crate) fn queried(actor: &Actor, queried: Queried) -> Response {
    let view = &queried.view;
    let servers = view
        .servers
        .iter()
        .map(|server| (server.cloud_name.clone(), seen(server)));
    let success = view.servers.iter().all(|server| server.error.is_none());
    let mut response = OutcomesResponse::new(actor, view, &servers.collect(), success);
    response.stale = queried.stale;
    Json(response).into_response()
}

fn seen(server: &Server) -> Value {
    let mut seen = json!({
        "private_ips": server.private_ip.clone().unwrap_or_default(),
        "image": server.image,
        "state": server.power.as_str(),
        "public_ips": server.public_ip.clone().unwrap_or_default(),
        "size": server.plan,
        "id": server.cloud_id.clone().unwrap_or_default(),
        "name": server.cloud_name,
        "packages": server.packages,
        "status": server.status(),
    });
    if let Some(error) = &server.error {
        seen["error"] = json!(error);
    }
    seen
}

/// What start and stop did: under each server an array of one.
pub(crate) fn switched(actor: &Actor, view: &EnvironmentView, switched: &[Switched]) -> Response {
    answer(actor, view, switched, None, |change| json!([change]))
}

/// What a delete did: under each server an object.
pub(crate) fn deleted(actor: &Actor, deletion: Deletion) -> Response {
    let (view, servers) = (&deletion.view, &deletion.servers);
    answer(actor, view, servers, deletion.pending, |change| change)
}

fn answer(
    actor: &Actor,
    view: &EnvironmentView,
    switched: &[Switched],
    pending: Option<String>,
    wrap: impl Fn(Value) -> Value,
) -> Response {
    let outcomes = || switched.iter().map(|switched| &switched.outcome);
    let is_accepted = outcomes()
        .all(|outcome| matches!(outcome, Outcome::Accepted { .. } | Outcome::GivenBack(_)));
    let is_pending = outcomes().any(|outcome| matches!(outcome, Outcome::Pending(_)));
    let status = if is_pending || pending.is_some() {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let servers = switched
        .iter()
        .map(|switched| (switched.server.cloud_name.clone(), wrap(change(switched))))
        .collect();
    let success = is_accepted && pending.is_none();
    let body = OutcomesResponse {
        pending,
        ..OutcomesResponse::new(actor, view, &servers, success)
    };
    let mut response = (status, Json(body)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn change(switched: &Switched) -> Value {
    let state = |power: Power| json!({"code": power.code(), "name": power.as_str()});
    let id = switched.server.cloud_id.clone().unwrap_or_default();
    match &switched.outcome {
        Outcome::Accepted {
            previous,
            current,
            new_name,
        } => {
            let mut change = json!({
                "instanceId": id,
                "currentState": state(*current),
                "previousState": state(*previous),
            });
            if let Some(new_name) = new_name {
                change["newname"] = json!(new_name);
            }
            change
        }
        Outcome::GivenBack(power) => json!({
            "instanceId": id,
            "currentState": state(*power),
            "previousState": state(*power),
            "stays": "it was not taken under management, and stays at its cloud as it is",
        }),
        Outcome::Failed(error) => json!({"instanceId": id, "error": error}),
        Outcome::Pending(step) => json!({"instanceId": id, "pending": step}),
    }
}
