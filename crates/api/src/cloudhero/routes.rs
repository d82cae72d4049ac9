//! All routes of CloudHero's API, and their OpenAPI document.

use axum::Router;
use control::App;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    accounts, applications, auth, environments, error, integrations, journal, nodes, providers,
};
use crate::http::{document, fallback};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Arcus: environments (CloudHero API)",
        description = "Groups of servers on one's own machines and cloud accounts, with packages installed."
    ),
    components(schemas(super::wire::plans::PlanResponse)),
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
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
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
        .routes(routes!(providers::import::import))
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
    document::complete(&mut document, super::access::TABLE);
    let router = fallback::finish(router, &app, auth::layer, error::render).with_state(app);
    (router, document)
}
