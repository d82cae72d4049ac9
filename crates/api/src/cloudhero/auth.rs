//! Who is asking: the token header, held against the authorisation table before any handler runs.

use std::future::Future;
use std::pin::Pin;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use control::{App, accounts};
use domain::account::Actor;
use domain::{Error, ErrorKind};
use secrecy::SecretString;

use super::access::TABLE;
use super::plan;
use crate::http::access::{Access, access, unlisted};
use crate::http::body::discard;
use crate::http::edge::{Failure, RequestId};

const AUTHENTICATION_TOKEN: HeaderName = HeaderName::from_static("authentication-token");

/// The authenticated caller.
pub(super) struct Caller(pub(super) Actor);

/// The layer of all routes.
pub(super) fn layer(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Pin<Box<dyn Future<Output = Response> + Send>> {
    Box::pin(admit(app, request, next))
}

async fn admit(app: App, mut request: Request, next: Next) -> Response {
    let matched = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let access = matched
        .as_deref()
        .and_then(|route| access(TABLE, request.method(), route));
    let planned = plan::check(
        request.method(),
        matched.as_deref().unwrap_or_default(),
        request.uri(),
        request.headers(),
    );
    if let Err(error) = planned {
        discard(request.into_body()).await;
        return Failure::from(error).into_response();
    }
    let role = match access {
        Some(Access::Public) => return next.run(request).await,
        Some(Access::Role(role)) => role,
        None => return unlisted().into_response(),
    };
    let token = token(request.headers());
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    match authenticate(&app, token, &id, role).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(failure) => {
            discard(request.into_body()).await;
            failure.into_response()
        }
    }
}

async fn authenticate(
    app: &App,
    token: Result<SecretString, Error>,
    id: &str,
    role: domain::Role,
) -> Result<Actor, Failure> {
    let actor = accounts::authenticate(app, &token?, "cloudhero", id).await?;
    if actor.role < role {
        return Err(Error::new(
            ErrorKind::Forbidden,
            format!(
                "this needs the role {role} or a higher one; yours is {}: nothing was done",
                actor.role
            ),
        )
        .into());
    }
    Ok(actor)
}

/// The token in either header. Both with different values, or one of them twice, is a doubt, and doubt is refused.
fn token(headers: &HeaderMap) -> Result<SecretString, Error> {
    let refuse = |message| Err(Error::new(ErrorKind::Unauthenticated, message));
    let mut found: Option<&str> = None;
    for name in [AUTHENTICATION_TOKEN, AUTHORIZATION] {
        let mut values = headers.get_all(&name).iter();
        let (Some(value), another) = (values.next(), values.next()) else {
            continue;
        };
        let value = value.to_str().unwrap_or_default().trim();
        if another.is_some() {
            return refuse("a token header was sent twice; send it once");
        }
        if found.is_some_and(|found| found != value) {
            return refuse("two different tokens were sent; send one");
        }
        found = Some(value);
    }
    match found {
        Some(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(SecretString::from(token))
        }
        Some(_) => refuse("that is no token; send the persistent_token as it is, without a scheme"),
        None => refuse(
            "a token is needed in the header Authentication-Token; log in with POST /accounts/tokens",
        ),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        // Absent only where a handler asks for a caller on a route that the table calls public: a fault of ours.
        parts
            .extensions
            .get::<Actor>()
            .cloned()
            .map(Self)
            .ok_or_else(unlisted)
    }
}
