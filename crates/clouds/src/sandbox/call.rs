//! What happens to every call on its way: it takes a permit, is counted, takes its time, and meets the faults.
//!
//! Used by the driver around each method's effect: [`Call::begin`], then [`Call::carry`]. What must stay true: a
//! call that is refused on its way in has no effect, and one whose reply is lost on its way out has had it.

use std::time::Duration;

use domain::random;

use super::faults::Faults;
use super::truth::Truth;
use crate::Budget;
use crate::budget::Permit;
use crate::cloud::{CloudError, CloudResult, ErrorClass};

/// A method of the driver, as it is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    name: &'static str,
    changes: bool,
}

/// A call that has reached the cloud.
pub(super) struct Call {
    faults: Faults,
    method: Method,
    way_back: Duration,
    _permit: Permit,
}

// === impl Method ===

impl Method {
    /// One that changes nothing: where its reply is lost, nothing is unknown.
    pub(super) const fn reading(name: &'static str) -> Self {
        Self {
            name,
            changes: false,
        }
    }

    /// One that changes something.
    pub(super) const fn changing(name: &'static str) -> Self {
        Self {
            name,
            changes: true,
        }
    }

    fn no_reply(self, how: &str) -> CloudError {
        let class = if self.changes {
            ErrorClass::OutcomeUnknown
        } else {
            ErrorClass::Unavailable
        };
        CloudError::new(class, format!("{how} during {}", self.name))
    }
}

// === impl Call ===

impl Call {
    /// Takes the call to the point of its effect, or refuses it. The faults are those that the whole call meets.
    pub(super) async fn begin(
        truth: &Truth,
        budget: &Budget,
        method: Method,
    ) -> CloudResult<(Self, Faults)> {
        let permit = budget.take().await;
        let faults = truth.enter(method.name).await?;
        let half = one_way(&faults);
        pause(half).await;
        if occurs(faults.lost_request) {
            return Err(method.no_reply("the connection to the cloud was lost"));
        }
        if let Some(refusal) = refusal(&faults) {
            pause(half).await;
            return Err(refusal);
        }
        let call = Self {
            faults: faults.clone(),
            method,
            way_back: half,
            _permit: permit,
        };
        Ok((call, faults))
    }

    /// Has the effect, and takes its reply back to the caller, if it gets there.
    pub(super) async fn carry<T>(
        self,
        effect: impl Future<Output = CloudResult<T>>,
    ) -> CloudResult<T> {
        let result = effect.await;
        if occurs(self.faults.lost_reply) {
            return Err(self.method.no_reply("the connection to the cloud was lost"));
        }
        pause(self.way_back).await;
        if occurs(self.faults.timeout_after_success) {
            return Err(self.method.no_reply("the cloud did not answer in time"));
        }
        result
    }
}

fn refusal(faults: &Faults) -> Option<CloudError> {
    if faults.auth_revoked {
        let message = "the cloud does not accept the credentials";
        return Some(CloudError::new(ErrorClass::Auth, message));
    }
    if faults.refused {
        return Some(CloudError::new(ErrorClass::Rejected, "the cloud refuses"));
    }
    if occurs(faults.throttle) {
        let class = ErrorClass::Throttled(Duration::from_millis(faults.retry_after_ms));
        return Some(CloudError::new(
            class,
            "the cloud takes no more calls for now",
        ));
    }
    if occurs(faults.unavailable) {
        let message = "the cloud can't answer now";
        return Some(CloudError::new(ErrorClass::Unavailable, message));
    }
    None
}

fn one_way(faults: &Faults) -> Duration {
    let jitter = Duration::from_millis(faults.jitter_ms).as_secs_f64() * random::fraction();
    let jitter = Duration::try_from_secs_f64(jitter).unwrap_or(Duration::MAX);
    Duration::from_millis(faults.latency_ms).saturating_add(jitter) / 2
}

fn occurs(probability: f64) -> bool {
    random::fraction() < probability
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_added_to_the_latency_and_both_ways_take_half() {
        let faults = Faults {
            latency_ms: 100,
            jitter_ms: 50,
            ..Faults::default()
        };
        for _ in 0..1_000 {
            let way = one_way(&faults);
            assert!(
                way >= Duration::from_millis(50) && way <= Duration::from_millis(75),
                "{way:?}"
            );
        }
        assert_eq!(one_way(&Faults::default()), Duration::ZERO);
    }
}
