//! What a failure of EC2 means for the caller: the one table from Amazon's codes to error classes.
//!
//! Called by `client`. What must stay true: a changing call whose fate is unknown is [`ErrorClass::OutcomeUnknown`], and
//! a code that says no for certain beats the HTTP status beside it.

use std::time::Duration;

use crate::cloud::{CloudError, ErrorClass};
use crate::http;

/// What it is called in messages.
pub(super) const CLOUD: &str = "Amazon EC2";

/// Amazon's code where the owner of the account did not allow an action.
pub(super) const NOT_ALLOWED: &str = "UnauthorizedOperation";

/// After a throttled call that doesn't say when to come back.
const THROTTLE_PAUSE: Duration = Duration::from_secs(5);

/// A call that failed: Amazon's code, empty where there is none, and what it means.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) error: CloudError,
}

/// EC2 answered and said no.
pub(super) fn refused(
    status: u16,
    code: &str,
    message: &str,
    retry_after: Option<Duration>,
    changes: bool,
) -> Failure {
    let class =
        by_code(code, retry_after).unwrap_or_else(|| by_status(status, retry_after, changes));
    // What follows is a blob that only Amazon's own tool can read.
    let message = message
        .split("Encoded authorization failure message")
        .next()
        .unwrap_or_default()
        .trim();
    let words = match (code, message) {
        ("", "") => format!("Amazon EC2 answered {status} without a reason"),
        ("", message) => format!("Amazon EC2: {message}"),
        (code, "") => format!("Amazon EC2: {code}"),
        (code, message) => format!("Amazon EC2: {message} ({code})"),
    };
    Failure {
        code: code.to_owned(),
        error: CloudError::new(class, words),
    }
}

/// Codes that mean more than the status beside them.
fn by_code(code: &str, retry_after: Option<Duration>) -> Option<ErrorClass> {
    let class = match code {
        "AuthFailure"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | NOT_ALLOWED
        | "UnrecognizedClientException" => ErrorClass::Auth,
        "EC2ThrottledException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingException" => ErrorClass::Throttled(retry_after.unwrap_or(THROTTLE_PAUSE)),
        "AddressLimitExceeded"
        | "InstanceLimitExceeded"
        | "InsufficientFreeAddressesInSubnet"
        | "MaxSpotInstanceCountExceeded"
        | "NetworkInterfaceLimitExceeded"
        | "PendingSnapshotLimitExceeded"
        | "ResourceLimitExceeded"
        | "RulesPerSecurityGroupLimitExceeded"
        | "SecurityGroupLimitExceeded"
        | "SnapshotLimitExceeded"
        | "VcpuLimitExceeded"
        | "VolumeLimitExceeded" => ErrorClass::Quota,
        "InvalidID"
        | "InvalidInstanceID"
        | "InvalidInstanceID.Malformed"
        | "InvalidInstanceID.NotFound" => ErrorClass::NotFound,
        // Refused for now, and for certain: nothing was done.
        "ConcurrentCreateImageNoRebootLimitExceeded"
        | "DependencyViolation"
        | "IncorrectInstanceState"
        | "IncorrectState"
        | "IncorrectModificationState"
        | "InsufficientCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientInstanceCapacity"
        | "InvalidAMIID.Unavailable"
        // Of an image that is not shown yet.
        | "InvalidSnapshot.InUse"
        | "PendingVerification"
        | "SnapshotCreationPerVolumeRateExceeded" => ErrorClass::Unavailable,
        // A create with this token was done before, with other parameters: a look by the token tells what came of it.
        "IdempotentParameterMismatch" => ErrorClass::OutcomeUnknown,
        _ => return None,
    };
    Some(class)
}

/// Without a code that says more: an error of Amazon's own may have come after the deed.
fn by_status(status: u16, retry_after: Option<Duration>, changes: bool) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Auth,
        429 => ErrorClass::Throttled(retry_after.unwrap_or(THROTTLE_PAUSE)),
        408 | 500.. if changes => ErrorClass::OutcomeUnknown,
        408 | 500.. => ErrorClass::Unavailable,
        _ => ErrorClass::Rejected,
    }
}

/// The call got no answer. `changes` says whether it would have changed something.
pub(super) fn unanswered(error: reqwest::Error, changes: bool) -> Failure {
    http::unanswered(CLOUD, error, changes).into()
}

/// The connection broke, or took too long, or ended in nonsense, after the call was sent.
pub(super) fn lost(reason: &str, changes: bool) -> Failure {
    http::lost(CLOUD, reason, changes).into()
}

/// A refusal of our own, before anything is sent.
pub(super) fn rejected(message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

// === impl Failure ===

impl From<Failure> for CloudError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self {
            code: String::new(),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, code: &str, changes: bool) -> ErrorClass {
        refused(status, code, "words", None, changes).error.class
    }

    #[test]
    fn codes_mean_what_amazon_documents() {
        for (status, code, expected) in [
            (401, "AuthFailure", ErrorClass::Auth),
            (403, "UnauthorizedOperation", ErrorClass::Auth),
            (400, "RequestExpired", ErrorClass::Auth),
            (403, "OptInRequired", ErrorClass::Auth),
            (
                503,
                "RequestLimitExceeded",
                ErrorClass::Throttled(THROTTLE_PAUSE),
            ),
            (400, "Throttling", ErrorClass::Throttled(THROTTLE_PAUSE)),
            (400, "VcpuLimitExceeded", ErrorClass::Quota),
            (400, "InstanceLimitExceeded", ErrorClass::Quota),
            (400, "InvalidInstanceID.NotFound", ErrorClass::NotFound),
            (400, "InvalidInstanceID.Malformed", ErrorClass::NotFound),
            (500, "InsufficientInstanceCapacity", ErrorClass::Unavailable),
            (400, "IncorrectInstanceState", ErrorClass::Unavailable),
            (400, "InvalidParameterValue", ErrorClass::Rejected),
            (
                400,
                "IdempotentParameterMismatch",
                ErrorClass::OutcomeUnknown,
            ),
        ] {
            assert_eq!(class(status, code, true), expected, "{code}");
        }
    }

    #[test]
    fn an_error_of_amazons_own_leaves_the_outcome_of_a_change_open() {
        for (status, code) in [
            (500, "InternalError"),
            (503, "Unavailable"),
            (503, "ServiceUnavailable"),
            (502, ""),
            (504, ""),
        ] {
            assert_eq!(
                class(status, code, true),
                ErrorClass::OutcomeUnknown,
                "{code}"
            );
            assert_eq!(
                class(status, code, false),
                ErrorClass::Unavailable,
                "{code}"
            );
        }
        assert_eq!(lost("reset", true).error.class, ErrorClass::OutcomeUnknown);
        assert_eq!(lost("reset", false).error.class, ErrorClass::Unavailable);
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let after = Duration::from_secs(9);
        let failure = refused(503, "RequestLimitExceeded", "slow", Some(after), true);
        assert_eq!(failure.error.class, ErrorClass::Throttled(after));
    }

    #[test]
    fn what_no_person_can_read_is_left_out() {
        let message = "You are not authorized. Encoded authorization failure message: AAAA";
        let failure = refused(403, "UnauthorizedOperation", message, None, true);
        assert_eq!(
            failure.error.message,
            "Amazon EC2: You are not authorized. (UnauthorizedOperation)"
        );
    }
}
