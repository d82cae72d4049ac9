//! What the stand-ins of clouds have in common: a thread that serves, a token that is looked at, and connections that break.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::time::Clock;
use futures::stream;
use serde_json::Value;

/// A free port of this machine, and where it is.
pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("is set");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Serves until the process ends, on a thread of its own: tests have runtimes of their own.
pub(crate) fn serve(listener: TcpListener, router: Router) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("it serves");
        });
    });
}

/// Whether a call bears that token.
pub(crate) fn knows(token: &str, headers: &HeaderMap) -> bool {
    let given = headers.get("authorization");
    let given = given.and_then(|value| value.to_str().ok());
    given.and_then(|given| given.strip_prefix("Bearer ")) == Some(token)
}

/// An answer in JSON, none with 204, to the call of that number of an account that may make `limit` of them an hour.
pub(crate) fn json(status: u16, body: &Value, limit: usize, number: usize) -> Response {
    let reset = Clock::System.now().0 / 1_000_000 + 3600;
    let body = if status == 204 {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    Response::builder()
        .status(StatusCode::from_u16(status).expect("a status"))
        .header("content-type", "application/json")
        .header("ratelimit-limit", limit)
        .header("ratelimit-remaining", limit - 1 - number % (limit - 1))
        .header("ratelimit-reset", reset)
        .body(body)
        .expect("a response")
}

/// The connection ends in the middle of the answer, after so much of it; `length` is what was promised, where that was said.
pub(crate) fn cut(status: u16, length: Option<usize>, begun: Bytes) -> Response {
    let broken = Err(std::io::Error::other("as the test wants it"));
    let mut response = Response::builder().status(status);
    if let Some(length) = length {
        response = response.header("content-length", length);
    }
    response
        .body(Body::from_stream(stream::iter([Ok(begun), broken])))
        .expect("a response")
}

/// The connection ends without an answer: the task that serves it does. Silently, for this is no fault of the test.
pub(crate) fn hang_up() -> Response {
    std::panic::resume_unwind(Box::new("as the test wants it"))
}
