//! Signature Version 4: proves to Amazon that a request comes from who holds the secret key.
//!
//! Called by `client` for each call. What must stay true: the secret key leaves this machine in no form, nothing of the
//! credentials is logged, and what Amazon publishes as its test vectors comes out as it says.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use domain::Timestamp;
use tracing::subscriber::NoSubscriber;

use super::errors::rejected;
use crate::cloud::{CloudError, CloudResult};

/// What a signature is good for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) at: Timestamp,
}

/// A request to be signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

/// The headers that a request needs besides its own.
pub(super) fn headers(
    credentials: &Credentials,
    scope: Scope<'_>,
    request: Unsigned<'_>,
) -> CloudResult<Vec<(String, String)>> {
    signed(credentials, scope, request, SigningSettings::default())
}

fn signed(
    credentials: &Credentials,
    scope: Scope<'_>,
    request: Unsigned<'_>,
    settings: SigningSettings,
) -> CloudResult<Vec<(String, String)>> {
    let identity = credentials.clone().into();
    let micros = u64::try_from(scope.at.0).unwrap_or_default();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(UNIX_EPOCH + Duration::from_micros(micros))
        .settings(settings)
        .build()
        .map_err(|_| unsigned())?
        .into();
    let signable = SignableRequest::new(
        request.method,
        request.url,
        request.headers.iter().copied(),
        SignableBody::Bytes(request.body),
    )
    .map_err(|_| unsigned())?;
    // The signer logs the access key at the finest level, where an operator would not look for one.
    let unheard = NoSubscriber::default();
    let signed = tracing::subscriber::with_default(unheard, || sign(signable, &parameters));
    let (instructions, _) = signed.map_err(|_| unsigned())?.into_parts();
    let headers = instructions.headers();
    Ok(headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// The reasons of the signer may show what was to be signed.
fn unsigned() -> CloudError {
    rejected(
        "the call can't be signed with these credentials: an access key is letters and digits alone",
    )
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
