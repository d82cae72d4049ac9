//! `/server`.
//!
//! Where the documentation has the id in the path or in the body, both are there: [`either`] makes the two.

pub(super) mod create;
pub(super) mod destroy;
pub(super) mod from_snapshot;
pub(super) mod list;
pub(super) mod one;
pub(super) mod password;
pub(super) mod reboot;
pub(super) mod reinstall;
pub(super) mod restore;
pub(super) mod snapshots;
pub(super) mod start;
pub(super) mod stop;
pub(super) mod upgrade;

/// Two handlers that call one function: `by_path` with the id of the path, `by_body` with that of the body.
macro_rules! either {
    ($method:ident, $path:literal, $body:literal, $request:ident, $response:ty, $respond:ident, $summary:literal) => {
        #[doc = $summary]
        #[utoipa::path($method, path = $path, tag = "server", params(("id" = i64, Path)),
            request_body(content = $request, content_type = "application/x-www-form-urlencoded"),
            responses((status = 200, body = $response), (status = 400), (status = 404), (status = 409)))]
        pub(crate) async fn by_path(
            axum::extract::State(app): axum::extract::State<control::App>,
            $crate::cloudero::auth::Caller(actor): $crate::cloudero::auth::Caller,
            axum::extract::Path(id): axum::extract::Path<String>,
            $crate::http::fields::Fields(request): $crate::http::fields::Fields<$request>,
        ) -> Result<axum::Json<$response>, $crate::http::edge::Failure> {
            let sent = [request.id, request.subscription_id];
            let id = $crate::cloudero::wire::numbers::one("server", Some(&id), sent)?;
            $respond(&app, &actor, domain::ServerId(id), request).await
        }

        #[doc = $summary]
        #[utoipa::path($method, path = $body, tag = "server",
            request_body(content = $request, content_type = "application/x-www-form-urlencoded"),
            responses((status = 200, body = $response), (status = 400), (status = 404), (status = 409)))]
        pub(crate) async fn by_body(
            axum::extract::State(app): axum::extract::State<control::App>,
            $crate::cloudero::auth::Caller(actor): $crate::cloudero::auth::Caller,
            $crate::http::fields::Fields(request): $crate::http::fields::Fields<$request>,
        ) -> Result<axum::Json<$response>, $crate::http::edge::Failure> {
            let sent = [request.id, request.subscription_id];
            let id = $crate::cloudero::wire::numbers::one("server", None, sent)?;
            $respond(&app, &actor, domain::ServerId(id), request).await
        }
    };
}
use either;
