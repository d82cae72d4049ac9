//! How long a request is ready to wait: `?wait=SECONDS`, `Prefer: wait=SECONDS`, `Prefer: respond-async`.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use control::App;
use domain::Error;

use super::edge::Failure;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(600);

/// What the documents say of it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Waiting {
    /// For how many seconds at the most the answer may be kept back, 30 unless set; `Prefer: wait=SECONDS` says the same.
    #[param(maximum = 600)]
    #[expect(dead_code, reason = "documents are made of its name and words")]
    wait: Option<u64>,
}

/// The bound of a request's wait.
pub(crate) struct Wait(pub(crate) Duration);

impl FromRequestParts<App> for Wait {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let asked = query.split('&').find_map(|pair| pair.strip_prefix("wait="));
        if let Some(seconds) = asked {
            return seconds_of(seconds).map(Self).ok_or_else(|| {
                Error::invalid("wait is a number of seconds from 0 to 600")
                    .field("wait")
                    .into()
            });
        }
        let preferences = parts
            .headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok());
        for preference in preferences
            .flat_map(|value| value.split([',', ';']))
            .map(str::trim)
        {
            if preference.eq_ignore_ascii_case("respond-async") {
                return Ok(Self(Duration::ZERO));
            }
            // A preference that can't be understood is no error: that is what distinguishes it from a demand.
            if let Some(bound) = preference.strip_prefix("wait=").and_then(seconds_of) {
                return Ok(Self(bound));
            }
        }
        Ok(Self(app.settings.ready_wait))
    }
}

fn seconds_of(text: &str) -> Option<Duration> {
    text.parse()
        .ok()
        .map(Duration::from_secs)
        .filter(|bound| *bound <= LONGEST)
}
