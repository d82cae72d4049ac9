//! What a cloud's error means for an operation: fail, or try again, and when. The only such table.

use std::time::Duration;

use clouds::{CloudError, ErrorClass};
use domain::operation::OperationKind;
use domain::{Error, ErrorKind, random};

/// The first pause before another try.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// The longest pause that a cloud may ask for.
const LONGEST_THROTTLE: Duration = Duration::from_mins(5);

/// The longest pause where only a person can help (credentials that are not accepted).
const PERSON: Duration = Duration::from_secs(30);

/// So often a call is tried that credentials which are accepted don't allow: what was allowed a moment ago takes its time
/// to be so everywhere.
const NOT_ALLOWED: i64 = 4;

/// What to do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Give up.
    Fail,
    /// Try again after this long. The next try looks before it changes anything.
    Retry(Duration),
}

/// Decides. `attempt` counts from 1, and anew when the operation got further.
pub fn verdict(kind: OperationKind, class: ErrorClass, attempt: i64) -> Verdict {
    // What may still cost money is destroyed sooner or later, whatever the cloud says today.
    let never_give_up = kind == OperationKind::DestroyServer;
    match class {
        // A cloud may say what it likes; a destroy that it would put off for a year comes due all the same.
        ErrorClass::Throttled(after) => {
            Verdict::Retry(after.min(LONGEST_THROTTLE) + backoff(attempt) / 2)
        }
        ErrorClass::Unavailable | ErrorClass::OutcomeUnknown => Verdict::Retry(backoff(attempt)),
        ErrorClass::Auth if never_give_up => Verdict::Retry(jittered(PERSON)),
        ErrorClass::Auth if attempt < NOT_ALLOWED => Verdict::Retry(backoff(attempt)),
        ErrorClass::Rejected
        | ErrorClass::Quota
        | ErrorClass::NotFound
        | ErrorClass::Unsupported
            if never_give_up =>
        {
            Verdict::Retry(backoff(attempt + 3))
        }
        // Just made and not to be seen yet, or gone: the next look tells.
        ErrorClass::NotFound if is_new(kind) && attempt < 8 => Verdict::Retry(backoff(attempt)),
        ErrorClass::Auth
        | ErrorClass::Rejected
        | ErrorClass::Quota
        | ErrorClass::NotFound
        | ErrorClass::Unsupported => Verdict::Fail,
    }
}

/// Whether what it makes, or marks, may not be seen at once.
fn is_new(kind: OperationKind) -> bool {
    matches!(
        kind,
        OperationKind::CreateServer | OperationKind::AdoptServer
    )
}

/// The pause of an operation that waits for its account's credentials to be accepted again.
pub(super) fn frozen(attempt: i64) -> Duration {
    backoff(attempt + 2).min(jittered(PERSON))
}

/// Doubles from half a second up to a minute, jittered so that what failed together does not come back together.
pub fn backoff(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or(0);
    jittered(FIRST.saturating_mul(1 << doublings).min(LONGEST))
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + random::fraction() / 2.0)
}

/// A cloud's error as the answer to a request that called the cloud itself.
pub fn as_error(error: CloudError) -> Error {
    let kind = match error.class {
        ErrorClass::Rejected | ErrorClass::Auth | ErrorClass::Quota | ErrorClass::Unsupported => {
            ErrorKind::CloudRejected
        }
        ErrorClass::NotFound => ErrorKind::NotFound,
        ErrorClass::Throttled(_) | ErrorClass::Unavailable | ErrorClass::OutcomeUnknown => {
            ErrorKind::CloudUnavailable
        }
    };
    Error::new(kind, error.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorClass::{
        Auth, NotFound, OutcomeUnknown, Quota, Rejected, Throttled, Unavailable, Unsupported,
    };

    #[test]
    fn a_destroy_is_never_given_up() {
        let throttled = Throttled(Duration::from_secs(1));
        for class in [
            Rejected,
            Auth,
            Quota,
            NotFound,
            throttled,
            Unavailable,
            OutcomeUnknown,
            Unsupported,
        ] {
            for attempt in [1, 10, 1_000_000] {
                let verdict = verdict(OperationKind::DestroyServer, class, attempt);
                assert!(matches!(verdict, Verdict::Retry(_)), "{class:?}");
            }
        }
    }

    #[test]
    fn what_the_cloud_refuses_is_not_asked_again() {
        for class in [Rejected, Quota, Unsupported] {
            assert_eq!(
                verdict(OperationKind::CreateServer, class, 1),
                Verdict::Fail,
                "{class:?}"
            );
        }
    }

    #[test]
    fn what_the_credentials_do_not_allow_is_asked_a_few_times() {
        let verdict = |attempt| verdict(OperationKind::CreateServer, Auth, attempt);
        assert!(matches!(verdict(1), Verdict::Retry(_)));
        assert_eq!(verdict(NOT_ALLOWED), Verdict::Fail);
    }

    #[test]
    fn a_frozen_operation_looks_again_within_half_a_minute() {
        for attempt in [1, 5, 1_000_000] {
            let pause = frozen(attempt);
            assert!(pause >= FIRST && pause <= PERSON, "{pause:?}");
        }
    }

    #[test]
    fn a_throttled_call_waits_at_least_as_long_as_the_cloud_says() {
        let Verdict::Retry(after) = verdict(
            OperationKind::StartServer,
            Throttled(Duration::from_secs(7)),
            1,
        ) else {
            panic!("a throttled call is tried again");
        };
        assert!(after >= Duration::from_secs(7));
    }

    #[test]
    fn a_cloud_that_asks_for_an_endless_pause_gets_five_minutes() {
        for after in [Duration::from_hours(1), Duration::MAX] {
            let Verdict::Retry(pause) = verdict(OperationKind::DestroyServer, Throttled(after), 9)
            else {
                panic!("a throttled call is tried again");
            };
            assert!(pause <= LONGEST_THROTTLE + LONGEST, "{pause:?}");
        }
    }

    #[test]
    fn a_pause_grows_to_a_minute_and_no_further() {
        assert!(backoff(1) <= FIRST);
        assert!(backoff(1_000) <= LONGEST && backoff(1_000) >= LONGEST / 2);
    }
}
