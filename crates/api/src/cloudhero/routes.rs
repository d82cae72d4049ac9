//! All routes of CloudHero's API, and their OpenAPI document.

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use control::App;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    accounts, applications, auth, environments, error, integrations, journal, nodes, providers,
};
use crate::http::edge::{self, Edge, Failure};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Arcus: environments (CloudHero API)",
        description = "Groups of servers on one's own machines and cloud accounts, with packages installed."
    ),
    modifiers(&Token),
    security(("token" = []))
)]
struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme =
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("Authentication-Token")));
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", scheme);
    }
}

/// The routes with their layers, and the document.
pub(crate) fn router(app: App) -> (Router, utoipa::openapi::OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(accounts::register::register))
        .routes(routes!(accounts::tokens::tokens))
        .routes(routes!(accounts::keys::keys))
        .routes(routes!(
            providers::options::options,
            providers::create::create,
            providers::list::list
        ))
        .routes(routes!(providers::delete::delete))
        .routes(routes!(providers::meta::meta))
        .routes(routes!(
            applications::create::create,
            applications::list::list
        ))
        .routes(routes!(applications::delete::delete))
        .routes(routes!(environments::create::create_in_application))
        .routes(routes!(
            environments::create::create,
            environments::list::list
        ))
        .routes(routes!(environments::delete::delete))
        .routes(routes!(environments::nodes::add))
        .routes(routes!(environments::scale::up, environments::scale::down))
        .routes(routes!(environments::query::get, environments::query::post))
        .routes(routes!(
            environments::start::head,
            environments::start::get,
            environments::start::post
        ))
        .routes(routes!(
            environments::stop::head,
            environments::stop::get,
            environments::stop::post
        ))
        .routes(routes!(environments::reboot::post))
        .routes(routes!(
            environments::delete::head,
            environments::delete::get,
            environments::delete::post
        ))
        .routes(routes!(nodes::delete::delete))
        .routes(routes!(
            integrations::options::options,
            integrations::create::create,
            integrations::list::list
        ))
        .routes(routes!(integrations::create::create_docker_hub))
        .routes(routes!(integrations::delete::delete))
        .routes(routes!(journal::history::history))
        .routes(routes!(journal::feedback::feedback))
        .split_for_parts();
    let edge = Edge {
        app: app.clone(),
        render: error::render,
    };
    let router = router
        .route_layer(from_fn_with_state(app.clone(), auth::layer))
        .method_not_allowed_fallback(|| async {
            Failure::http(
                StatusCode::METHOD_NOT_ALLOWED,
                "this address does not take that method",
            )
        })
        .fallback(|| async {
            Failure::http(StatusCode::NOT_FOUND, "there is nothing at this address")
        })
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(edge, edge::layer))
        .with_state(app);
    (router, document)
}

/// A panic is answered like any fault of ours; what it said goes to the log alone.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    use axum::response::IntoResponse;
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Failure::from(domain::Error::internal(format!("panic: {said}"))).into_response()
}
