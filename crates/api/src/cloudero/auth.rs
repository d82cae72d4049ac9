//! Who is asking: the bearer token, held against the authorisation table before any handler runs.

use std::future::Future;
use std::pin::Pin;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use control::{App, Moment, accounts};
use domain::account::Actor;
use domain::{Error, ErrorKind};
use secrecy::SecretString;

use super::access::TABLE;
use crate::http::access::{Access, access, unlisted};
use crate::http::body::discard;
use crate::http::edge::{Failure, RequestId};

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
    let matched = request.extensions().get::<MatchedPath>();
    let access = matched.and_then(|route| access(TABLE, request.method(), route.as_str()));
    let role = match access {
        Some(Access::Public) => return next.run(request).await,
        Some(Access::Role(role)) => role,
        None => return unlisted().into_response(),
    };
    let token = bearer(request.headers());
    let id = request.extensions().get::<RequestId>().cloned();
    match authenticate(&app, token, id, role).await {
        Ok((actor, at)) => {
            request.extensions_mut().insert(actor);
            request.extensions_mut().insert(at);
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
    token: Result<Option<SecretString>, Error>,
    id: Option<RequestId>,
    role: domain::Role,
) -> Result<(Actor, Moment), Failure> {
    let token = token?.ok_or_else(|| {
        refused("a token is needed: Authorization: Bearer TOKEN; log in with POST /v1/user/login")
    })?;
    let id = id.map(|id| id.0).unwrap_or_default();
    let (actor, at) = accounts::authenticate_signed(app, &token, "cloudero", &id).await?;
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
    Ok((actor, at))
}

/// The token of the header, where there is one.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<SecretString>, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(AUTHORIZATION) {
            Err(refused("the token was sent twice; send it once"))
        } else {
            Ok(None)
        };
    };
    let value = value.to_str().unwrap_or_default();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(SecretString::from(token.trim())))
        }
        _ => Err(refused(
            "that is no token; send: Authorization: Bearer TOKEN",
        )),
    }
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        // Absent only where a handler asks for a caller on a route that the table calls public: a fault of ours.
        let actor = parts.extensions.get::<Actor>().cloned();
        actor.map(Self).ok_or_else(unlisted)
    }
}
