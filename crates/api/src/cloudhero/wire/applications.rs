//! Applications.

use domain::PublicId;
use domain::environment::Application;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::environments::EnvironmentResponse;

/// An application to be added.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateApplicationRequest {
    pub(crate) application_name: String,
    /// `custom` is the only one.
    #[serde(default = "custom")]
    pub(crate) application_type: String,
}

fn custom() -> String {
    control::applications::CUSTOM.to_owned()
}

/// An application.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApplicationResponse {
    pub(crate) application_name: String,
    pub(crate) application_type: String,
    #[schema(value_type = String)]
    pub(crate) id: PublicId,
    pub(crate) environments: Vec<EnvironmentResponse>,
    pub(crate) deployments_count: i64,
}

// === impl ApplicationResponse ===

impl ApplicationResponse {
    pub(crate) fn new(application: Application, environments: Vec<EnvironmentResponse>) -> Self {
        Self {
            application_name: application.name,
            application_type: application.kind,
            id: application.public_id,
            environments,
            deployments_count: 0,
        }
    }
}
