//! What a failure of DigitalOcean means for the caller: the one place that turns its codes and words into error classes.
//!
//! Called by `client` and `actions`. DigitalOcean answers most refusals with 422, so there the words decide. What must
//! stay true: a changing call whose fate is unknown is [`ErrorClass::OutcomeUnknown`], and no message holds the token
//! (it travels in a header alone, and addresses are left out).

use std::time::Duration;

use serde_json::Value;

use crate::cloud::{CloudError, ErrorClass};
use crate::http;

/// What it is called in messages.
pub(super) const CLOUD: &str = "DigitalOcean";

/// After a 429 that doesn't say when to come back.
pub(super) const THROTTLE_PAUSE: Duration = Duration::from_secs(30);
/// How much of an answer that is not as documented is shown.
const LONGEST_EXCERPT: usize = 400;

/// DigitalOcean answered and said no. `changes` says whether the call would have changed something, `pause` when to
/// come back, where the answer tells.
pub(super) fn refused(
    status: u16,
    body: &[u8],
    changes: bool,
    pause: Option<Duration>,
) -> CloudError {
    let reason = reason(body);
    let class = match status {
        401 | 403 => ErrorClass::Auth,
        404 => ErrorClass::NotFound,
        429 => ErrorClass::Throttled(pause.unwrap_or(THROTTLE_PAUSE)),
        // Nobody says that what failed on their side had no effect.
        408 | 500.. if changes => ErrorClass::OutcomeUnknown,
        408 | 500.. => ErrorClass::Unavailable,
        _ => by_words(&reason),
    };
    if reason.is_empty() {
        CloudError::new(
            class,
            format!("DigitalOcean answered {status} without a reason"),
        )
    } else {
        CloudError::new(class, format!("DigitalOcean: {reason}"))
    }
}

/// The droplet is busy with another action; this call had no effect, and may be sent again when that is over.
pub(super) fn is_busy(error: Option<&CloudError>) -> bool {
    error.is_some_and(|error| error.class == ErrorClass::Unavailable && says(&error.message, BUSY))
}

/// What was to be made is there already.
pub(super) fn is_taken(error: &CloudError) -> bool {
    const WORDS: &[&str] = &["already", "duplicate", "not unique", "must be unique"];
    error.class == ErrorClass::Rejected && says(&error.message, WORDS)
}

/// The connection broke, took too long or brought nonsense, after the call was sent.
pub(super) fn lost(reason: &str, changes: bool) -> CloudError {
    http::lost(CLOUD, reason, changes)
}

/// Refused by this driver, before anything was sent.
pub(super) fn rejected(message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

const BUSY: &[&str] = &[
    "pending event",
    "event pending",
    "blocking event",
    "already in progress",
];

fn by_words(reason: &str) -> ErrorClass {
    const QUOTA: &[&str] = &[
        "droplet limit",
        "will exceed",
        "exceed your",
        "exceeds your",
        "limit exceeded",
        "limit reached",
        "reached the limit",
        "reached your limit",
    ];
    if says(reason, QUOTA) {
        ErrorClass::Quota
    } else if says(reason, BUSY) {
        ErrorClass::Unavailable
    } else {
        ErrorClass::Rejected
    }
}

fn says(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// DigitalOcean's own words; what is no error of its own, such as a proxy's, is shown as it came.
fn reason(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match answer.get("message").and_then(Value::as_str) {
        Some(message) => message.trim().to_owned(),
        None => String::from_utf8_lossy(body)
            .trim()
            .chars()
            .take(LONGEST_EXCERPT)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(status: u16, message: &str, changes: bool) -> ErrorClass {
        let body = json!({ "id": "an_id", "message": message }).to_string();
        refused(status, body.as_bytes(), changes, None).class
    }

    #[test]
    fn each_answer_has_its_class() {
        let limit = "creating this/these droplet(s) will exceed your droplet limit";
        let blocked =
            "there are currently blocking events processing for one or more of the droplets";
        for (status, message, changes, class) in [
            (401, "Unable to authenticate you", false, ErrorClass::Auth),
            (403, "You are not authorized", true, ErrorClass::Auth),
            (404, "could not be found", true, ErrorClass::NotFound),
            (422, limit, true, ErrorClass::Quota),
            (422, "Name is invalid", true, ErrorClass::Rejected),
            (
                422,
                "a value exceeds 255 characters",
                true,
                ErrorClass::Rejected,
            ),
            (
                422,
                "Droplet already has a pending event.",
                true,
                ErrorClass::Unavailable,
            ),
            (422, blocked, true, ErrorClass::Unavailable),
            (409, "duplicate name", true, ErrorClass::Rejected),
            (
                429,
                "API Rate limit exceeded.",
                true,
                ErrorClass::Throttled(THROTTLE_PAUSE),
            ),
            (500, "Server Error", false, ErrorClass::Unavailable),
            (500, "Server Error", true, ErrorClass::OutcomeUnknown),
            (503, "", false, ErrorClass::Unavailable),
            (504, "", true, ErrorClass::OutcomeUnknown),
        ] {
            assert_eq!(of(status, message, changes), class, "{status} {message}");
        }
    }

    #[test]
    fn the_clouds_own_words_reach_the_user() {
        let body = json!({ "id": "unprocessable_entity", "message": "Size is not available" });
        let told = refused(422, body.to_string().as_bytes(), true, None);
        assert_eq!(told.message, "DigitalOcean: Size is not available");
        let told = refused(502, b"<html>Bad Gateway</html>", false, None);
        assert!(told.message.contains("Bad Gateway"), "{told}");
    }

    #[test]
    fn a_lost_answer_to_a_changing_call_leaves_the_outcome_open() {
        assert_eq!(lost("timed out", true).class, ErrorClass::OutcomeUnknown);
        assert_eq!(lost("timed out", false).class, ErrorClass::Unavailable);
    }
}
