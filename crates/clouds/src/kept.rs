//! What was asked of a cloud and holds for a while: images, networks, firewalls. Two hundred creates at once ask once.
//!
//! Used by the drivers. What must stay true: nothing here is the truth, so that losing it costs a few
//! calls; a failure is not kept; and what turns out to be gone is forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Answers by what was asked.
pub(crate) struct Kept<T> {
    age_limit: Duration,
    cells: Mutex<HashMap<String, Answer<T>>>,
}

/// Since when it holds, and the answer once there is one.
type Answer<T> = (Instant, Arc<OnceCell<T>>);

// === impl Kept ===

impl<T: Clone> Kept<T> {
    /// Answers that hold for so long.
    pub(crate) fn new(age_limit: Duration) -> Self {
        Self {
            age_limit,
            cells: Mutex::default(),
        }
    }

    /// The answer, asked for by the first who wants it while the others wait.
    pub(crate) async fn get<E>(
        &self,
        key: &str,
        ask: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            cells.retain(|_, (since, _)| since.elapsed() < self.age_limit);
            let fresh = || (Instant::now(), Arc::default());
            Arc::clone(&cells.entry(key.to_owned()).or_insert_with(fresh).1)
        };
        cell.get_or_try_init(|| ask).await.cloned()
    }

    /// Answers that came with that to another question.
    pub(crate) fn learn(&self, answers: impl IntoIterator<Item = (String, T)>) {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, answer) in answers {
            let known = Arc::new(OnceCell::new_with(Some(answer)));
            cells.insert(key, (Instant::now(), known));
        }
    }

    /// Forgets the answers whose key begins so.
    pub(crate) fn forget(&self, prefix: &str) {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|key, _| !key.starts_with(prefix));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_are_answered_by_one_call() {
        let kept = Kept::new(Duration::from_secs(60));
        let calls = AtomicUsize::new(0);
        let ask = async || {
            calls.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, ()>(7)
        };
        let answers = join_all((0..20).map(|_| kept.get("a", ask()))).await;
        assert!(answers.iter().all(|answer| *answer == Ok(7)));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        kept.forget("a");
        kept.get("a", ask()).await.expect("answers");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_was_learnt_is_not_asked_for() {
        let kept = Kept::new(Duration::from_secs(60));
        kept.learn([("a".to_owned(), 1)]);
        assert_eq!(kept.get("a", async { Err("no") }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let kept = Kept::new(Duration::from_secs(60));
        let failed: Result<u8, &str> = kept.get("a", async { Err("no") }).await;
        assert_eq!(failed, Err("no"));
        assert_eq!(kept.get("a", async { Ok::<_, &str>(1) }).await, Ok(1));
    }
}
