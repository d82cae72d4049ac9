//! Plan before apply: `?plan=true` shows what a change would do, and `X-Plan: HASH` makes it only where it does just that.
//!
//! Used by the handlers that make, scale and delete; `auth` refuses both words at every other address that changes
//! something. What must stay true: a request that speaks of a plan never changes anything that was not planned.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use control::environments::Terms;
use control::environments::preview::Preview;
use domain::{Error, Result};

use super::wire::plans::PlanResponse;
use crate::http::edge::Failure;

const X_PLAN: &str = "x-plan";

/// The addresses that can show a plan.
const PLANNED: &[(Method, &str)] = &[
    (Method::POST, "/providers/{id}/import"),
    (Method::POST, "/applications/{id}/environments"),
    (Method::POST, "/environments"),
    (Method::POST, "/environments/{id}/nodes"),
    (Method::POST, "/environments/{id}/scale"),
    (Method::DELETE, "/environments/{id}/scale"),
    (Method::GET, "/environments/{id}/delete"),
    (Method::POST, "/environments/{id}/delete"),
    (Method::DELETE, "/environments/{id}"),
    (Method::DELETE, "/nodes/{id}"),
];

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To be shown what would be done.
    Show,
    /// That it is done, if it is what this hash stands for.
    MakeIf(String),
    /// That it is done.
    Make,
}

/// What is to be done.
pub(super) enum Decision {
    /// This is answered, and nothing is done.
    Answer(Response),
    /// It is done on these terms.
    Make(Terms),
}

/// Errors: `Invalid` for a plan at an address that can show none: it would be taken for a change that is only looked at.
pub(super) fn check(method: &Method, route: &str, uri: &Uri, headers: &HeaderMap) -> Result<()> {
    if asked(uri, headers)? == Asked::Make {
        return Ok(());
    }
    if PLANNED
        .iter()
        .any(|(known, path)| known == method && *path == route)
    {
        return Ok(());
    }
    Err(Error::invalid(
        "there are no plans at this address: making, scaling, importing and deleting environments and nodes have them; nothing was done",
    )
    .field("plan"))
}

fn asked(uri: &Uri, headers: &HeaderMap) -> Result<Asked> {
    let query = uri.query().unwrap_or_default();
    // Written otherwise, it would be taken for nothing, and the change made.
    let mut said = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name.trim().to_ascii_lowercase().starts_with("plan"));
    let shown = match (said.next(), said.next()) {
        (None, _) => false,
        (Some((name, value)), None) if name == "plan" && value == "true" => true,
        (Some((name, value)), None) if name == "plan" && value == "false" => false,
        _ => {
            return Err(Error::invalid("plan=true asks for a plan and plan=false for none, in small letters; nothing was done").field("plan"));
        }
    };
    let mut hashes = headers.get_all(X_PLAN).iter();
    let hash = match (hashes.next(), hashes.next()) {
        (None, _) => None,
        (Some(hash), None) => Some(hash_of(hash.to_str().unwrap_or_default().trim())?),
        _ => return Err(Error::invalid("send X-Plan once; nothing was done").field("X-Plan")),
    };
    match (shown, hash) {
        (true, None) => Ok(Asked::Show),
        (false, None) => Ok(Asked::Make),
        (false, Some(hash)) => Ok(Asked::MakeIf(hash)),
        (true, Some(_)) => Err(Error::invalid(
            "plan=true asks for a plan and X-Plan agrees to one; send either: nothing was done",
        )
        .field("plan")),
    }
}

/// Errors: `Invalid` for what is no plan's hash.
fn hash_of(text: &str) -> Result<String> {
    let is_one = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::invalid(
        "X-Plan is the 64 hexadecimal digits that a plan has as plan; nothing was done",
    )
    .field("X-Plan"))
}

// === impl Asked ===

impl Asked {
    /// Shows the preview, or holds the hash against it.
    pub(super) async fn decide(
        self,
        preview: impl Future<Output = Result<Preview>>,
    ) -> Result<Decision> {
        match self {
            Self::Make => Ok(Decision::Make(Terms::any())),
            Self::MakeIf(hash) => Ok(Decision::Make(preview.await?.agreed(&hash)?)),
            Self::Show => {
                let mut answer = Json(PlanResponse::from(preview.await?)).into_response();
                answer
                    .headers_mut()
                    .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                Ok(Decision::Answer(answer))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(asked(&parts.uri, &parts.headers)?)
    }
}
