//! What surrounds the routes of every façade: authentication, the answers where there is no route or no such method, and
//! the edge.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use control::App;
use tower_http::catch_panic::CatchPanicLayer;

use super::edge::{self, Edge, Failure, Render};

/// A façade's authentication.
pub(crate) type Auth =
    fn(State<App>, Request, Next) -> Pin<Box<dyn Future<Output = Response> + Send>>;

/// The routes with their layers.
pub(crate) fn finish(router: Router<App>, app: &App, auth: Auth, render: Render) -> Router<App> {
    let edge = Edge {
        app: app.clone(),
        render,
    };
    router
        .route_layer(from_fn_with_state(app.clone(), auth))
        .method_not_allowed_fallback(|| async {
            Failure::http(
                StatusCode::METHOD_NOT_ALLOWED,
                "this address does not take that method",
            )
        })
        .fallback(|| async {
            Failure::http(StatusCode::NOT_FOUND, "there is nothing at this address")
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(edge, edge::layer))
}

/// A panic is answered like any fault of ours; what it said goes to the log alone.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Failure::from(domain::Error::internal(format!("panic: {said}"))).into_response()
}
