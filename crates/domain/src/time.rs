//! Time as Arcus stores it, and the clock that it reads.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Where the time comes from: the machine, or a test's own hand.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until a test moves it; microseconds since 1970.
    Manual(Arc<AtomicI64>),
    /// The machine's clock where it is wrong by so much, for a test.
    Wrong(Duration),
}

// === impl Timestamp ===

impl Timestamp {
    /// This moment and `duration` more.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// This moment less `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// As RFC 3339 with whole seconds, such as `2018-01-04T11:14:34Z`.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.0.div_euclid(1_000_000))
            .map_or_else(|_| self.0.to_string(), |time| time.to_string())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

// === impl Clock ===

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match self {
            // The one reading of the machine's clock; clippy bans it elsewhere.
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::System => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp(micros(since))
            }
            Self::Manual(micros) => Timestamp(micros.load(Ordering::SeqCst)),
            Self::Wrong(ahead) => Self::System.now().plus(*ahead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_printed_in_whole_seconds_of_utc() {
        assert_eq!(
            Timestamp(1_515_064_474_999_999).rfc3339(),
            "2018-01-04T11:14:34Z"
        );
    }
}
