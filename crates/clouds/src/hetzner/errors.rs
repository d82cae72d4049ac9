//! What a failure of Hetzner's means for the caller: the one table from its codes to error classes.
//!
//! Called by `client` and `actions`. What must stay true: a changing call whose fate is unknown is
//! [`ErrorClass::OutcomeUnknown`]; a code that says no for certain beats the HTTP status beside it; and no message holds the
//! token (it travels in a header alone, and addresses are left out).

use std::time::Duration;

use serde::Deserialize;

use crate::cloud::{CloudError, ErrorClass};
use crate::http;

/// What it is called in messages.
pub(super) const CLOUD: &str = "Hetzner Cloud";

/// After a 429 that doesn't say when to come back.
const THROTTLE_PAUSE: Duration = Duration::from_secs(5);
/// How much of an answer that is not as documented is shown.
const LONGEST_EXCERPT: usize = 400;

#[derive(Deserialize)]
struct Answer {
    error: Refusal,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    fields: Vec<Wrong>,
}

#[derive(Deserialize)]
struct Wrong {
    name: String,
    #[serde(default)]
    messages: Vec<String>,
}

/// Hetzner answered and said no. `changes` says whether the call would have changed something, `pause` when to come back,
/// where the answer tells.
pub(super) fn refused(
    status: u16,
    body: &[u8],
    changes: bool,
    pause: Option<Duration>,
) -> CloudError {
    let Ok(Answer { error }) = serde_json::from_slice(body) else {
        // No error of its own, such as a proxy's, is shown as it came.
        let text = String::from_utf8_lossy(body);
        let text: String = text.trim().chars().take(LONGEST_EXCERPT).collect();
        let message = format!("{CLOUD} answered {status}: {text}");
        return CloudError::new(class("", status, changes, pause), message);
    };
    let class = class(&error.code, status, changes, pause);
    CloudError::new(class, format!("{CLOUD}: {}", said(&error)))
}

/// The server is busy with another action; this call had no effect, and may be sent again when that is over.
pub(super) fn is_busy(error: Option<&CloudError>) -> bool {
    error.is_some_and(|error| {
        error.class == ErrorClass::Unavailable && has_code(error, &["locked", "conflict"])
    })
}

/// What was to be made is there already.
pub(super) fn is_taken(error: &CloudError) -> bool {
    error.class == ErrorClass::Rejected && has_code(error, &["uniqueness_error"])
}

/// What was to be deleted is still of use to something, which may be on its way out.
pub(super) fn is_in_use(error: Option<&CloudError>) -> bool {
    error.is_some_and(|error| has_code(error, &["resource_in_use", "conflict", "locked"]))
}

/// The connection broke, took too long or brought nonsense, after the call was sent.
pub(super) fn lost(reason: &str, changes: bool) -> CloudError {
    http::lost(CLOUD, reason, changes)
}

/// Refused by this driver, before anything was sent.
pub(super) fn rejected(message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

/// Hetzner's own words, what is wrong with each field, and the code.
fn said(error: &Refusal) -> String {
    let mut said = error.message.trim().to_owned();
    let fields = error.details.iter().flat_map(|details| &details.fields);
    for field in fields {
        said.push_str(&format!("; {}: {}", field.name, field.messages.join(", ")));
    }
    format!("{said} ({})", error.code)
}

fn has_code(error: &CloudError, codes: &[&str]) -> bool {
    let code = error.message.rsplit_once('(');
    let code = code.and_then(|(_, code)| code.strip_suffix(')'));
    code.is_some_and(|code| codes.contains(&code))
}

fn class(code: &str, status: u16, changes: bool, pause: Option<Duration>) -> ErrorClass {
    match code {
        "unauthorized" | "forbidden" | "token_readonly" => ErrorClass::Auth,
        "not_found" => ErrorClass::NotFound,
        "rate_limit_exceeded" => ErrorClass::Throttled(pause.unwrap_or(THROTTLE_PAUSE)),
        "resource_limit_exceeded" => ErrorClass::Quota,
        // Not now, and nothing was done.
        "locked"
        | "conflict"
        | "maintenance"
        | "resource_unavailable"
        | "placement_error"
        | "robot_unavailable" => ErrorClass::Unavailable,
        "unsupported_error" => ErrorClass::Unsupported,
        "invalid_input" | "json_error" | "protected" | "uniqueness_error" | "resource_in_use"
        | "resource_locked" => ErrorClass::Rejected,
        _ => match status {
            401 | 403 => ErrorClass::Auth,
            404 => ErrorClass::NotFound,
            429 => ErrorClass::Throttled(pause.unwrap_or(THROTTLE_PAUSE)),
            // Nobody says that what failed on their side had no effect.
            408 | 500.. if changes => ErrorClass::OutcomeUnknown,
            408 | 423 | 500.. => ErrorClass::Unavailable,
            _ => ErrorClass::Rejected,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(status: u16, code: &str, changes: bool) -> CloudError {
        let body = json!({ "error": { "code": code, "message": "it says why", "details": null } });
        refused(status, body.to_string().as_bytes(), changes, None)
    }

    #[test]
    fn each_code_has_its_class() {
        for (status, code, changes, class) in [
            (401, "unauthorized", false, ErrorClass::Auth),
            (403, "forbidden", true, ErrorClass::Auth),
            (403, "token_readonly", true, ErrorClass::Auth),
            (403, "resource_limit_exceeded", true, ErrorClass::Quota),
            (403, "protected", true, ErrorClass::Rejected),
            (404, "not_found", true, ErrorClass::NotFound),
            (409, "uniqueness_error", true, ErrorClass::Rejected),
            (409, "conflict", true, ErrorClass::Unavailable),
            (412, "resource_unavailable", true, ErrorClass::Unavailable),
            (412, "placement_error", true, ErrorClass::Unavailable),
            (422, "invalid_input", true, ErrorClass::Rejected),
            (422, "a_new_code", true, ErrorClass::Rejected),
            (423, "locked", true, ErrorClass::Unavailable),
            (
                429,
                "rate_limit_exceeded",
                true,
                ErrorClass::Throttled(THROTTLE_PAUSE),
            ),
            (500, "server_error", false, ErrorClass::Unavailable),
            (500, "server_error", true, ErrorClass::OutcomeUnknown),
            (503, "maintenance", true, ErrorClass::Unavailable),
            (504, "timeout", true, ErrorClass::OutcomeUnknown),
        ] {
            assert_eq!(told(status, code, changes).class, class, "{status} {code}");
        }
    }

    #[test]
    fn the_clouds_own_words_and_the_wrong_fields_reach_the_user() {
        let body = json!({ "error": {
            "code": "invalid_input", "message": "invalid input in field 'name'",
            "details": { "fields": [{ "name": "name", "messages": ["is too long"] }] },
        }});
        let told = refused(422, body.to_string().as_bytes(), true, None);
        assert_eq!(
            told.message,
            "Hetzner Cloud: invalid input in field 'name'; name: is too long (invalid_input)"
        );
        let told = refused(502, b"<html>Bad Gateway</html>", true, None);
        assert!(told.message.contains("Bad Gateway"), "{told}");
        assert_eq!(told.class, ErrorClass::OutcomeUnknown);
    }

    #[test]
    fn what_is_busy_taken_or_in_use_is_told_by_the_code_alone() {
        assert!(is_busy(Some(&told(423, "locked", true))));
        assert!(!is_busy(Some(&told(412, "resource_unavailable", true))));
        assert!(is_taken(&told(409, "uniqueness_error", true)));
        assert!(is_in_use(Some(&told(422, "resource_in_use", true))));
        let body = json!({ "error": { "code": "invalid_input", "message": "it is (locked)" } });
        let other = refused(422, body.to_string().as_bytes(), true, None);
        assert!(!is_busy(Some(&other)) && !is_taken(&other));
    }
}
