//! What the driver is opened with: the account's token, and where the API is.
//!
//! Read once by `client`. What must stay true: only an operator names another address than DigitalOcean's own, since
//! whoever listens there gets the token. Customers send credentials and never options, so they can't.
//!
//! | option | meaning | without it |
//! |---|---|---|
//! | `endpoint` | the API's address, such as that of a stand-in | `https://api.digitalocean.com` |

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::errors::rejected;
use crate::cloud::CloudResult;
use crate::registry::{Form, RegionOption, Settings};

/// What the operator may set.
pub const REGION: &[RegionOption] = &[RegionOption {
    name: "endpoint",
    form: Form::Text,
}];

/// The credentials' one field.
pub(super) const ACCESS_TOKEN: &str = "access_token";

const USUAL_ENDPOINT: &str = "https://api.digitalocean.com";

/// Where the API is.
pub(super) fn endpoint(settings: &Settings) -> CloudResult<Url> {
    let given = settings
        .text("endpoint")
        .map(str::trim)
        .filter(|given| !given.is_empty());
    let url = Url::parse(given.unwrap_or(USUAL_ENDPOINT))
        .map_err(|error| rejected(format!("the endpoint is not valid: {error}")))?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let spoken = matches!(url.scheme(), "https" | "http") && url.has_host();
    if bare && spoken {
        Ok(url)
    } else {
        Err(rejected(
            "the endpoint is an address such as https://api.digitalocean.com",
        ))
    }
}

/// The account's token. One that no header can hold is refused, without being shown.
pub(super) fn token(settings: &Settings) -> CloudResult<SecretString> {
    let given = settings.credentials.get(ACCESS_TOKEN);
    let token = given.map_or("", |token| token.expose_secret().trim());
    if token.is_empty() {
        return Err(rejected("access_token is missing"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(rejected(
            "access_token holds characters that no token of DigitalOcean has",
        ));
    }
    Ok(SecretString::from(token))
}
