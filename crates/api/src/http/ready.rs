//! Whether the database takes writes, looked at no oftener than once a second.
//!
//! Used by `/readyz`. Looking makes a durable write, and anybody may ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// How long a verdict holds.
const HOLDS: Duration = Duration::from_secs(1);

/// `Err` with the words for the caller.
type Verdict = Result<(), String>;

/// The last verdict, and when it was found.
#[derive(Clone, Default)]
pub(super) struct Ready(Arc<Mutex<Option<(Instant, Verdict)>>>);

// === impl Ready ===

impl Ready {
    /// The last verdict, or a new one where that is old. One looks; the others wait for what it finds.
    pub(super) async fn or_look(&self, look: impl Future<Output = Verdict>) -> Verdict {
        self.within(HOLDS, look).await
    }

    async fn within(&self, holds: Duration, look: impl Future<Output = Verdict>) -> Verdict {
        let mut last = self.0.lock().await;
        if let Some((at, verdict)) = &*last
            && at.elapsed() < holds
        {
            return verdict.clone();
        }
        let verdict = look.await;
        *last = Some((Instant::now(), verdict.clone()));
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    /// Looks, and counts that it did.
    async fn look(looks: &AtomicUsize) -> Verdict {
        looks.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Err("full".to_owned())
    }

    #[tokio::test]
    async fn many_that_ask_at_once_are_answered_by_one_look() {
        let (ready, looks) = (Ready::default(), AtomicUsize::new(0));
        let asked = (0..100).map(|_| ready.within(LONG, look(&looks)));
        let verdicts = join_all(asked).await;
        assert!(
            verdicts
                .iter()
                .all(|verdict| *verdict == Err("full".to_owned()))
        );
        assert_eq!(looks.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_old_verdict_is_looked_at_again() {
        let (ready, looks) = (Ready::default(), AtomicUsize::new(0));
        for _ in 0..2 {
            let _ = ready.within(Duration::ZERO, look(&looks)).await;
        }
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }
}
