//! All routes of Cloude.ro's API, and their OpenAPI document.

use axum::{Extension, Router};
use control::App;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    PREFIX, account, auth, error, event, image, money, package, region, server, snapshot, sshkey,
    tags, usage, user,
};
use crate::http::{document, fallback};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Arcus: servers (Cloude.ro API)",
        description = "Single virtual servers: plans, images, snapshots, keys, tags, events, usage, invoices. Bodies are \
                       forms; JSON is taken as well."
    ),
    modifiers(&Token),
    security(("token" = []))
)]
struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The routes with their layers, to be nested under [`PREFIX`], and the document.
pub(crate) fn router(app: App) -> (Router, utoipa::openapi::OpenApi) {
    let (router, document) = OpenApiRouter::new()
        .routes(routes!(user::login::login))
        .routes(routes!(user::refresh::refresh))
        .routes(routes!(account::user))
        .routes(routes!(account::detail))
        .routes(routes!(account::balance))
        .routes(routes!(server::create::create))
        .routes(routes!(server::list::list))
        .layer(Extension(server::list::Lists::default()))
        .routes(routes!(server::one::one))
        .routes(routes!(server::snapshots::snapshots))
        .routes(routes!(server::destroy::by_path))
        .routes(routes!(server::destroy::by_body))
        .routes(routes!(server::start::by_path))
        .routes(routes!(server::start::by_body))
        .routes(routes!(server::stop::by_path))
        .routes(routes!(server::stop::by_body))
        .routes(routes!(server::reboot::by_path))
        .routes(routes!(server::reboot::by_body))
        .routes(routes!(server::password::by_path))
        .routes(routes!(server::password::by_body))
        .routes(routes!(server::from_snapshot::by_path))
        .routes(routes!(server::from_snapshot::by_body))
        .routes(routes!(server::restore::by_path))
        .routes(routes!(server::restore::by_body))
        .routes(routes!(server::reinstall::by_path))
        .routes(routes!(server::reinstall::by_body))
        .routes(routes!(server::upgrade::by_path))
        .routes(routes!(server::upgrade::by_body))
        .routes(routes!(snapshot::list::list))
        .routes(routes!(snapshot::create::create))
        .routes(routes!(snapshot::destroy::destroy))
        .routes(routes!(sshkey::create::create))
        .routes(routes!(sshkey::list::list))
        .routes(routes!(sshkey::update::update))
        .routes(routes!(sshkey::destroy::destroy))
        .routes(routes!(tags::create::create))
        .routes(routes!(tags::list::list))
        .routes(routes!(tags::update::update))
        .routes(routes!(tags::destroy::destroy))
        .routes(routes!(image::list))
        .routes(routes!(package::list))
        .routes(routes!(region::list))
        .routes(routes!(event::list))
        .routes(routes!(event::one))
        .routes(routes!(usage::list))
        .routes(routes!(money::invoices))
        .routes(routes!(money::invoice))
        .routes(routes!(money::invoice_page))
        .routes(routes!(money::transactions))
        .routes(routes!(money::top_up))
        .routes(routes!(money::webhook))
        .split_for_parts();
    let mut document = Document::openapi().nest(PREFIX, document);
    document::complete(&mut document, super::access::TABLE);
    let router = fallback::finish(router, &app, auth::layer, error::render).with_state(app);
    (router, document)
}
