//! Guessing passwords is slowed down: after some failures an email has to wait.
//!
//! Kept in memory, by each replica for itself: it slows guessing down, and a restart forgives.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{Error, ErrorKind, Result, Timestamp};

/// So many failures are forgiven.
const FORGIVEN: u32 = 10;

/// For this long after the last of them nobody gets in by a password.
const PAUSE: Duration = Duration::from_mins(5);

/// The most emails that are watched; beyond, those that may try again are forgotten, or else the one that failed longest
/// ago.
const WATCHED: usize = 10_000;

/// Failures by email.
#[derive(Default)]
pub(crate) struct Throttle {
    failures: Mutex<HashMap<String, (u32, Timestamp)>>,
}

// === impl Throttle ===

impl Throttle {
    /// Errors: `RateLimited` while the email has to wait.
    pub(crate) fn check(&self, email: &str, now: Timestamp) -> Result<()> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get(email) {
            Some((count, last)) if *count >= FORGIVEN && now.since(*last) < PAUSE => {
                Err(Error::new(
                    ErrorKind::RateLimited,
                    "too many failed logins with this email; wait five minutes and try again",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Notes how a login went.
    pub(crate) fn note(&self, email: &str, succeeded: bool, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if succeeded {
            failures.remove(email);
            return;
        }
        if failures.len() >= WATCHED {
            failures.retain(|_, (_, last)| now.since(*last) < PAUSE);
        }
        if failures.len() >= WATCHED && !failures.contains_key(email) {
            let oldest = failures.iter().min_by_key(|(_, (_, last))| *last);
            let oldest = oldest.map(|(email, _)| email.clone());
            oldest.and_then(|email| failures.remove(&email));
        }
        let entry = failures.entry(email.to_owned()).or_insert((0, now));
        let forgotten = now.since(entry.1) >= PAUSE;
        *entry = (if forgotten { 1 } else { entry.0 + 1 }, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ten_failures_an_email_waits_five_minutes() {
        let (throttle, start) = (Throttle::default(), Timestamp(0));
        for _ in 0..FORGIVEN {
            assert!(throttle.check("a@example.com", start).is_ok());
            throttle.note("a@example.com", false, start);
        }
        assert!(throttle.check("a@example.com", start).is_err());
        assert!(throttle.check("b@example.com", start).is_ok());
        assert!(throttle.check("a@example.com", start.plus(PAUSE)).is_ok());
    }

    #[test]
    fn a_success_forgives_what_was_before() {
        let (throttle, start) = (Throttle::default(), Timestamp(0));
        for _ in 1..FORGIVEN {
            throttle.note("a@example.com", false, start);
        }
        throttle.note("a@example.com", true, start);
        throttle.note("a@example.com", false, start);
        assert!(throttle.check("a@example.com", start).is_ok());
    }
}
