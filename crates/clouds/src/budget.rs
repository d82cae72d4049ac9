//! How many calls one set of credentials may make: at once, and per second.
//!
//! One [`Budget`] per set of credentials, shared by every driver instance that uses them. Drivers take a permit for each call
//! that they send. What must stay true: organisations that share credentials take turns, however many calls one of them has
//! to make.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    static CALLER: i64;
}

/// For whom the calls are that nobody made for an organisation, such as a reconciler's.
const NOBODY: i64 = 0;

/// Shared by cloning.
#[derive(Clone)]
pub struct Budget {
    in_flight: Arc<Semaphore>,
    rate: Option<Arc<DefaultDirectRateLimiter>>,
    lines: Arc<Mutex<HashMap<i64, Line>>>,
}

/// Where the calls of one organisation stand in line: the first of them alone waits for the budget.
type Line = Arc<tokio::sync::Mutex<()>>;

/// Held while a call is on its way.
#[derive(Debug)]
pub struct Permit {
    _slot: Option<OwnedSemaphorePermit>,
}

/// Does `work` for an organisation: the calls in it are that organisation's.
pub async fn on_behalf_of<T>(organisation: i64, work: impl Future<Output = T>) -> T {
    CALLER.scope(organisation, work).await
}

// === impl Budget ===

impl Budget {
    /// At most `at_once` calls on their way, and `per_second` begun in a second (`None`: as many as there are).
    pub fn new(at_once: usize, per_second: Option<NonZeroU32>) -> Self {
        Self {
            in_flight: Arc::new(Semaphore::new(at_once.max(1))),
            rate: per_second
                .map(|per_second| Arc::new(RateLimiter::direct(Quota::per_second(per_second)))),
            lines: Arc::default(),
        }
    }

    /// Waits for its turn. Of each organisation one call at a time stands before the budget, first come first served, and
    /// the others behind it: so that they take turns.
    pub async fn take(&self) -> Permit {
        let caller = CALLER.try_with(|caller| *caller).unwrap_or(NOBODY);
        let line = self.line(caller);
        let first = line.lock().await;
        let slot = Arc::clone(&self.in_flight).acquire_owned().await.ok();
        if let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
        drop(first);
        Permit { _slot: slot }
    }

    fn line(&self, caller: i64) -> Line {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // Where nobody stands, there is no line.
        lines.retain(|_, line| Arc::strong_count(line) > 1);
        Arc::clone(lines.entry(caller).or_default())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(32, None)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use futures::stream::FuturesUnordered;

    use super::*;

    #[tokio::test]
    async fn one_call_of_an_organisation_does_not_wait_behind_a_hundred_of_another() {
        let budget = Budget::new(1, None);
        let held = budget.take().await;
        let mut waiting = FuturesUnordered::new();
        for organisation in std::iter::repeat_n(1, 100).chain([2]) {
            let budget = &budget;
            waiting.push(async move {
                let _permit = on_behalf_of(organisation, budget.take()).await;
                organisation
            });
        }
        assert!(futures::poll!(waiting.next()).is_pending());
        drop(held);
        let served: Vec<_> = waiting.collect().await;
        let turn = served.iter().position(|organisation| *organisation == 2);
        assert!(turn.is_some_and(|turn| turn <= 1), "{turn:?}");
    }

    #[tokio::test]
    async fn no_more_calls_are_on_their_way_than_the_budget_has() {
        let budget = Budget::new(2, None);
        let (first, _second) = (budget.take().await, budget.take().await);
        let mut third = std::pin::pin!(on_behalf_of(7, budget.take()));
        assert!(futures::poll!(&mut third).is_pending());
        drop(first);
        assert!(futures::poll!(&mut third).is_ready());
    }
}
