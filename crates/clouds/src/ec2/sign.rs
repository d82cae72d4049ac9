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
mod tests {
    use aws_sigv4::http_request::PayloadChecksumKind;

    use super::*;

    /// Of Amazon's published test suite, with the credentials, the region and the moment that it uses throughout.
    fn signature(
        token: Option<&str>,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> String {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
            None,
            "test",
        );
        let scope = Scope {
            region: "us-east-1",
            service: "service",
            at: Timestamp(1_440_938_160_000_000),
        };
        let request = Unsigned {
            method,
            url: &format!("https://example.amazonaws.com{path}"),
            headers,
            body: body.unwrap_or_default().as_bytes(),
        };
        let mut settings = SigningSettings::default();
        if body.is_some() {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let signed = signed(&credentials, scope, request, settings).expect("signs");
        let (_, authorization) = signed
            .iter()
            .find(|(name, _)| name == "authorization")
            .expect("there");
        let (_, signature) = authorization.split_once("Signature=").expect("there");
        signature.to_owned()
    }

    type Vector<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

    #[test]
    fn amazons_vectors_without_a_body_come_out_as_published() {
        let vectors: [Vector<'_>; 8] = [
            (
                "GET",
                "/",
                &[],
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                &[],
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "GET",
                "/",
                &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            (
                "GET",
                "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                &[],
                "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ),
            (
                "GET",
                "/\u{1234}",
                &[],
                "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
            ),
            (
                "GET",
                "/",
                &[
                    ("My-Header1", "value2"),
                    ("My-Header1", "value2"),
                    ("My-Header1", "value1"),
                ],
                "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
            ),
            (
                "POST",
                "/",
                &[("My-Header1", "value1")],
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            (
                "POST",
                "/?Param1=value1",
                &[],
                "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
            ),
        ];
        for (method, path, headers, expected) in vectors {
            assert_eq!(
                signature(None, (method, path), headers, None),
                expected,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn amazons_vector_with_a_session_token_comes_out_as_published() {
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        assert_eq!(
            signature(Some(token), ("GET", "/"), &[], None),
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
        );
    }

    #[test]
    fn amazons_vector_with_a_form_comes_out_as_published() {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", "13"),
        ];
        assert_eq!(
            signature(None, ("POST", "/"), &headers, Some("Param1=value1")),
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"
        );
    }
}
