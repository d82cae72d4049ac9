//! Waiting for a condition instead of for a time.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long one look may take, however little is left of the limit.
const ONE_LOOK: Duration = Duration::from_secs(30);

/// Asks again and again until `look` finds something; panics with `what` after `limit`, also when a look hangs.
pub async fn until<T, F, L>(what: &str, limit: Duration, mut look: L) -> T
where
    L: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        let left = limit.saturating_sub(started.elapsed()).max(ONE_LOOK);
        let looked = tokio::time::timeout(left, look()).await;
        let looked = looked.unwrap_or_else(|_| panic!("a look for {what} has not ended"));
        if let Some(found) = looked {
            return found;
        }
        assert!(
            started.elapsed() < limit,
            "waited {limit:?} in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
