//! How many calls one set of credentials may make: at once, and per second.
//!
//! One [`Budget`] per set of credentials, shared by every driver instance that uses them, so that one organisation's
//! work on one account never eats another's. Drivers take a permit for each call that they send.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Shared by cloning.
#[derive(Clone)]
pub struct Budget {
    in_flight: Arc<Semaphore>,
    rate: Option<Arc<DefaultDirectRateLimiter>>,
}

/// Held while a call is on its way.
#[derive(Debug)]
pub struct Permit {
    _slot: Option<OwnedSemaphorePermit>,
}

// === impl Budget ===

impl Budget {
    /// At most `at_once` calls on their way, and `per_second` begun in a second (`None`: as many as there are).
    pub fn new(at_once: usize, per_second: Option<NonZeroU32>) -> Self {
        Self {
            in_flight: Arc::new(Semaphore::new(at_once.max(1))),
            rate: per_second
                .map(|per_second| Arc::new(RateLimiter::direct(Quota::per_second(per_second)))),
        }
    }

    /// Waits for its turn, first come first served.
    pub async fn take(&self) -> Permit {
        let slot = Arc::clone(&self.in_flight).acquire_owned().await.ok();
        if let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
        Permit { _slot: slot }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(32, None)
    }
}
