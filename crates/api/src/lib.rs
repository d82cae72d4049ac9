//! The HTTP edge: one folder per façade, and what they share in `http`.
//!
//! Called by the binary. A façade parses its wire form into a command, calls one use case, and answers in its own
//! shape; it knows no SQL and no cloud. Façades never import one another.

mod cloudero;
mod cloudhero;
mod http;

use axum::Router;
use control::App;

pub use cloudero::access::TABLE as CLOUDERO_ACCESS;
pub use cloudhero::access::TABLE as CLOUDHERO_ACCESS;
pub use http::access::{Access, Table};
pub use http::system::MetricsAccess;

/// All routes.
pub fn router(app: App, metrics: MetricsAccess) -> Router {
    let (cloudhero, cloudhero_document) = cloudhero::routes::router(app.clone());
    let (cloudero, cloudero_document) = cloudero::routes::router(app.clone());
    let documents = http::system::Documents {
        cloudhero: cloudhero_document,
        cloudero: cloudero_document,
    };
    cloudhero
        .nest(cloudero::PREFIX, cloudero)
        .merge(http::system::router(app, metrics, documents))
}

/// Cloude.ro's OpenAPI document.
pub fn cloudero_document(app: &App) -> utoipa::openapi::OpenApi {
    cloudero::routes::router(app.clone()).1
}

/// CloudHero's OpenAPI document.
pub fn cloudhero_document(app: &App) -> utoipa::openapi::OpenApi {
    cloudhero::routes::router(app.clone()).1
}
