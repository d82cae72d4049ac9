//! Integrations.

use domain::account::Actor;
use domain::credentials::{Credentials, mask};
use domain::environment::Integration;
use domain::{PublicId, names};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// An account elsewhere to be added.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateIntegrationRequest {
    /// `docker-hub`; absent where the address names it.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) password: String,
    #[serde(default)]
    pub(crate) email: String,
}

/// An account elsewhere. The password is masked, but in the answer to the request that brought it.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntegrationResponse {
    name: String,
    #[schema(value_type = String)]
    organisation: PublicId,
    #[serde(rename = "type")]
    kind: String,
    #[schema(value_type = String)]
    id: PublicId,
    #[schema(value_type = Object)]
    integration_meta: Map<String, Value>,
    /// The name in snake case.
    _name: String,
}

// === impl CreateIntegrationRequest ===

impl CreateIntegrationRequest {
    pub(crate) fn meta(&self) -> Credentials {
        Credentials::default()
            .with("url", &self.url)
            .with("username", &self.username)
            .with("password", &self.password)
            .with("email", &self.email)
    }
}

// === impl IntegrationResponse ===

impl IntegrationResponse {
    pub(crate) fn new(integration: Integration, actor: &Actor, reveal: bool) -> Self {
        let mut meta = integration.meta.reveal();
        if !reveal && let Some(Value::String(password)) = meta.get("password") {
            let masked = json!(mask(password));
            meta.insert("password".to_owned(), masked);
        }
        Self {
            _name: names::snake(&integration.name),
            name: integration.name,
            organisation: actor.organisation.public_id.clone(),
            kind: integration.kind,
            id: integration.public_id,
            integration_meta: meta,
        }
    }
}
