//! The HTTP edge: one folder per façade, and what they share in `http`.
//!
//! Called by the binary. A façade parses its wire form into a command, calls one use case, and answers in its own
//! shape; it knows no SQL and no cloud. Façades never import one another.

mod cloudhero;
mod http;

use axum::Router;
use control::App;

pub use cloudhero::access::{Access, TABLE as CLOUDHERO_ACCESS};
pub use http::system::MetricsAccess;

/// All routes.
pub fn router(app: App, metrics: MetricsAccess) -> Router {
    let (cloudhero, document) = cloudhero::routes::router(app.clone());
    cloudhero.merge(http::system::router(app, metrics, document))
}

/// CloudHero's OpenAPI document.
pub fn cloudhero_document(app: &App) -> utoipa::openapi::OpenApi {
    cloudhero::routes::router(app.clone()).1
}
