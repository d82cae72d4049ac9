//! What a failure of Incus means for the caller: the one place that turns its codes and words into error classes.
//!
//! Called by `client` and `operations`. Incus answers most refusals that have no code of their own with 500, and puts
//! the reason of a failed background operation into words alone, so the words decide first. What must stay true: a
//! changing call whose fate is unknown is [`ErrorClass::OutcomeUnknown`], and no message holds a secret (calls carry
//! none in their addresses but for the websockets', and addresses are left out).

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use crate::cloud::{CloudError, ErrorClass};
use crate::http;

/// What it is called in messages.
pub(super) const CLOUD: &str = "the Incus server";

/// After a 429 that doesn't say when to come back.
const THROTTLE_PAUSE: Duration = Duration::from_secs(5);

/// Incus answered and said no.
pub(super) fn refused(status: u16, message: &str, retry_after: Option<Duration>) -> CloudError {
    if let Some(ours) = in_our_words(message) {
        return CloudError::new(ErrorClass::Rejected, ours);
    }
    let class = by_words(message).unwrap_or_else(|| by_status(status, retry_after));
    let message = message.trim();
    if message.is_empty() {
        CloudError::new(class, format!("Incus answered {status} without a reason"))
    } else {
        CloudError::new(class, format!("Incus: {message}"))
    }
}

/// A name is taken; `create` and `retire` then look whose it is.
pub(super) fn is_taken(error: &CloudError) -> bool {
    let text = error.message.to_ascii_lowercase();
    text.contains("already exists") || text.contains("unique constraint failed: instances.")
}

/// Somebody is making an instance of that name right now, or starting what was just made.
pub(super) fn is_being_made(error: &CloudError) -> bool {
    ["create", "start"].iter().any(|word| {
        error
            .message
            .contains(&format!("busy running a \"{word}\""))
    })
}

/// Incus has said no, and does nothing any more.
pub(super) fn is_final(error: &CloudError) -> bool {
    matches!(
        error.class,
        ErrorClass::Rejected | ErrorClass::Quota | ErrorClass::NotFound
    )
}

/// A change that Incus can't make while the instance runs, and can while it is off.
///
/// The words are those of its `instance/drivers/driver_qemu.go`, of all versions since 6.0 (which keys a running machine
/// can't change at all; memory beyond what it was started with; processors beyond those it was prepared for), and of
/// liblxc's (memory below what is in use, where the kernel has the first version of cgroups).
pub(super) fn needs_a_stop(error: &CloudError) -> bool {
    const WORDS: &[&str] = &[
        "vm is running",
        "failed updating cpu limit",
        "failed updating memory limit",
        "setting cgroup item for the container failed",
    ];
    let text = error.message.to_ascii_lowercase();
    error.class == ErrorClass::Rejected && WORDS.iter().any(|words| text.contains(words))
}

/// An operation that ended more than a few seconds ago, which Incus has forgotten.
pub(super) fn is_forgotten_operation(error: &CloudError) -> bool {
    error.class == ErrorClass::NotFound && error.message.contains("Operation not found")
}

/// Refusals that only somebody who knows Incus would understand.
fn in_our_words(message: &str) -> Option<&'static str> {
    // ZFS; "subsequent snapshot(s)", or "subsequent internal snapshot(s) (from a copy)".
    message
        .contains("cannot be restored due to subsequent")
        .then_some(
            "the storage of this server can go back to its newest snapshot only, and there is a newer one, or another \
             server that was made from one; nothing was changed: delete what is newer first",
        )
}

fn by_status(status: u16, retry_after: Option<Duration>) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Auth,
        404 => ErrorClass::NotFound,
        408 | 502..=504 => ErrorClass::Unavailable,
        429 => ErrorClass::Throttled(retry_after.unwrap_or(THROTTLE_PAUSE)),
        _ => ErrorClass::Rejected,
    }
}

/// Words of Incus that mean more than the code beside them.
fn by_words(message: &str) -> Option<ErrorClass> {
    const QUOTA: &[&str] = &[
        "reached maximum",
        "quota exceeded",
        "disk quota",
        "exceeds the maximum",
        "exceeds project limit",
        "no space left on device",
    ];
    const UNAVAILABLE: &[&str] = &[
        "instance is busy",
        "matching non-reusable operation",
        "context deadline exceeded",
        "deadline exceeded",
        "did not shut",
        "timed out",
        "connection refused",
        "connection reset",
        "no route to host",
        "database is locked",
        "daemon is shutting down",
        "server is shutting down",
        "cluster member is evacuated",
        "temporarily unavailable",
        // A start that failed on a busy host; made it is, and the next try starts it.
        "forkstart",
    ];
    let text = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(QUOTA) {
        Some(ErrorClass::Quota)
    } else if says(UNAVAILABLE) {
        Some(ErrorClass::Unavailable)
    } else if says(&["instance not found", "snapshot not found"]) || is_missing_snapshot(&text) {
        Some(ErrorClass::NotFound)
    } else {
        None
    }
}

fn is_missing_snapshot(text: &str) -> bool {
    text.starts_with("snapshot ") && text.ends_with(" does not exist")
}

/// The call got no answer. `changes` says whether it would have changed something.
pub(super) fn unanswered(error: reqwest::Error, changes: bool) -> CloudError {
    match tls_cause(&error) {
        Some(error) => tls(error),
        None => http::unanswered(CLOUD, error, changes),
    }
}

/// The connection broke, or took too long, after the call was sent.
pub(super) fn lost(reason: &str, changes: bool) -> CloudError {
    http::lost(CLOUD, reason, changes)
}

fn tls(error: &rustls::Error) -> CloudError {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => {
            CloudError::new(
                ErrorClass::Auth,
                "the Incus server shows another certificate than server_certificate",
            )
        }
        rustls::Error::InvalidCertificate(reason) => CloudError::new(
            ErrorClass::Auth,
            format!(
                "no authority vouches for the Incus server ({reason:?}); give its server_certificate"
            ),
        ),
        // The other side ended the handshake: it doesn't like our certificate.
        rustls::Error::AlertReceived(_) => CloudError::new(
            ErrorClass::Auth,
            format!("the Incus server refuses the client certificate: {error}"),
        ),
        error => CloudError::new(
            ErrorClass::Unavailable,
            format!("no TLS connection to the Incus server: {error}"),
        ),
    }
}

/// The failure of TLS among the causes. An `io::Error` hides what it wraps from `source`, so it is opened by hand.
fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The innermost cause, which says most.
#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, message: &str) -> ErrorClass {
        refused(status, message, None).class
    }

    #[test]
    fn codes_mean_what_http_says() {
        assert_eq!(class(403, "not authorized"), ErrorClass::Auth);
        assert_eq!(class(404, "Instance not found"), ErrorClass::NotFound);
        assert_eq!(
            class(409, "Instance \"a\" already exists"),
            ErrorClass::Rejected
        );
        assert_eq!(class(429, ""), ErrorClass::Throttled(THROTTLE_PAUSE));
        assert_eq!(class(503, "starting"), ErrorClass::Unavailable);
        assert_eq!(class(400, "Invalid devices"), ErrorClass::Rejected);
    }

    #[test]
    fn words_mean_more_than_the_500_that_incus_gives_them() {
        let limit = "Reached maximum number of instances in project \"p\"";
        assert_eq!(class(500, limit), ErrorClass::Quota);
        let busy = "Instance is busy running a \"stop\" operation";
        assert_eq!(class(500, busy), ErrorClass::Unavailable);
        assert_eq!(
            class(500, "Snapshot a/b does not exist"),
            ErrorClass::NotFound
        );
        let profile = "Requested profile \"x\" doesn't exist";
        assert_eq!(class(500, profile), ErrorClass::Rejected);
    }

    #[test]
    fn a_taken_name_is_told_by_both_of_incus_ways_to_say_so() {
        for message in [
            "Instance \"a\" already exists",
            "Failed to create \"instances\" entry: UNIQUE constraint failed: instances.project_id, instances.name",
        ] {
            assert!(is_taken(&refused(500, message, None)), "{message}");
        }
        assert!(!is_taken(&refused(
            500,
            "Image not provided for instance creation",
            None
        )));
    }

    #[test]
    fn a_change_that_needs_a_stop_is_told_from_one_that_is_refused_for_good() {
        for message in [
            "Key \"limits.cpu\" cannot be updated when VM is running",
            "Cannot change to CPU pinning or an explicit CPU topology when the VM is running",
            "Failed updating memory limit: Cannot increase memory size beyond boot time size when VM is running \
             (Boot time size 512MiB, new size 1024MiB)",
            "Failed updating memory limit: Cannot live update memory limit when using huge pages",
            "Failed updating cpu limit: Cannot allocate more CPUs than available",
        ] {
            assert!(needs_a_stop(&refused(500, message, None)), "{message}");
        }
        for message in [
            "Instance is running",
            "Block volumes cannot be shrunk: Cannot be shrunk",
            "Invalid config: limits.memory: Invalid value",
        ] {
            assert!(!needs_a_stop(&refused(500, message, None)), "{message}");
        }
    }

    #[test]
    fn a_snapshot_that_is_not_the_newest_is_refused_in_our_words_on_zfs() {
        for message in [
            "Snapshot \"a\" cannot be restored due to subsequent snapshot(s). Set zfs.remove_snapshots to override",
            "Snapshot \"a\" cannot be restored due to subsequent internal snapshot(s) (from a copy)",
        ] {
            let refused = refused(500, message, None);
            assert_eq!(refused.class, ErrorClass::Rejected);
            assert!(
                refused.message.contains("newest snapshot only"),
                "{refused}"
            );
            assert!(!refused.message.contains("zfs"), "{refused}");
        }
    }

    #[test]
    fn a_lost_answer_to_a_changing_call_leaves_the_outcome_open() {
        assert_eq!(lost("timed out", true).class, ErrorClass::OutcomeUnknown);
        assert_eq!(lost("timed out", false).class, ErrorClass::Unavailable);
    }
}
