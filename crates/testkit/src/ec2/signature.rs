//! Who sent a call: its signature (Signature Version 4) is made once more with the secret that belongs to the key.
//!
//! What must stay true: nothing gets by that Amazon would not accept.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use axum::http::{HeaderMap, request::Parts};
use domain::time::Clock;

use super::calls::{Refusal, refuse};
use super::{ACCESS_KEY, SECRET_KEY};

/// What a signature may be older or newer than now, in seconds.
const SKEW: u64 = 15 * 60;
/// What the signer adds by itself.
const ADDED: [&str; 3] = ["host", "x-amz-date", "x-amz-security-token"];

/// What an `Authorization` header says.
struct Signed<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
}

/// The region that the call was signed for.
pub(super) fn region(headers: &HeaderMap) -> Option<String> {
    Some(Signed::read(headers)?.region.to_owned())
}

/// Refuses a call that the owner of the key did not send just now.
pub(super) fn check(parts: &Parts, body: &[u8], token: Option<&str>) -> Result<(), Refusal> {
    let failed = || {
        let message = "AWS was not able to validate the provided access credentials";
        refuse(401, "AuthFailure", message)
    };
    let signed = Signed::read(&parts.headers).ok_or_else(|| {
        refuse(
            400,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
    })?;
    let given = header(&parts.headers, "x-amz-security-token");
    if signed.key != ACCESS_KEY || signed.service != "ec2" || given != token {
        return Err(failed());
    }
    let date = header(&parts.headers, "x-amz-date").and_then(seconds);
    let date = date.ok_or_else(failed)?;
    let now = u64::try_from(Clock::System.now().0 / 1_000_000).unwrap_or_default();
    if now.abs_diff(date) > SKEW {
        return Err(refuse(400, "RequestExpired", "Request has expired."));
    }
    if signed.again(parts, body, token, date).as_deref() == Some(signed.signature) {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                   Access Key and signing method. Consult the service documentation for details.";
    Err(refuse(403, "SignatureDoesNotMatch", message))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Seconds since 1970 of a date such as `20150830T123600Z`.
fn seconds(date: &str) -> Option<u64> {
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let clock = number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?;
    // Days since 1 March of the year 0, for years that begin in March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    Some((days.checked_sub(719_468)?) * 86_400 + clock)
}

// === impl Signed ===

impl<'a> Signed<'a> {
    fn read(headers: &'a HeaderMap) -> Option<Self> {
        let given = header(headers, "authorization")?;
        let given = given.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let part = |name: &str| {
            let mut parts = given.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = part("Credential")?.split('/');
        let key = scope.next()?;
        let _date = scope.next()?;
        Some(Self {
            key,
            region: scope.next()?,
            service: scope.next()?,
            headers: part("SignedHeaders")?.split(';').collect(),
            signature: part("Signature")?,
        })
    }

    /// The signature that the call has to have.
    fn again(&self, parts: &Parts, body: &[u8], token: Option<&str>, date: u64) -> Option<String> {
        let token = token.map(str::to_owned);
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, token, None, "stand-in");
        let identity = credentials.into();
        // The caller says which headers are signed. By itself the signer leaves out some, such as `user-agent`.
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(UNIX_EPOCH + Duration::from_secs(date))
            .settings(settings)
            .build()
            .ok()?
            .into();
        let own = self.headers.iter().filter(|name| !ADDED.contains(*name));
        let own: Option<Vec<(&str, &str)>> = own
            .map(|name| Some((*name, header(&parts.headers, name)?)))
            .collect();
        let host = header(&parts.headers, "host")?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("http://{host}{path}");
        let body = SignableBody::Bytes(body);
        let request = SignableRequest::new(parts.method.as_str(), url, own?.into_iter(), body);
        let (instructions, _) = sign(request.ok()?, &parameters).ok()?.into_parts();
        let mut headers = instructions.headers();
        let (_, value) = headers.find(|(name, _)| *name == "authorization")?;
        let (_, signature) = value.rsplit_once("Signature=")?;
        Some(signature.to_owned())
    }
}
