//! Reads that many ask for at once: one read answers all who asked before it began.
//!
//! Called by `kept` and for what it goes by. What must stay true: nobody is answered with what was read before they asked,
//! so that all see what was written before, by any replica; nothing is kept once it was answered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Result;
use tokio::sync::OnceCell;

/// Reads of one kind, by what they are of.
#[derive(Debug)]
pub(crate) struct Together<K: Eq + Hash, V> {
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
}

/// What is asked for of one key.
#[derive(Debug)]
struct Slot<V> {
    // Held by the read that is under way; meanwhile the next one gathers those who ask.
    turn: tokio::sync::Mutex<()>,
    gathering: Mutex<Arc<Batch<V>>>,
}

/// One read, and those whom it answers.
type Batch<V> = OnceCell<Result<V>>;

/// Somebody who asks; the last one to go takes the slot along.
struct Asked<'a, K: Eq + Hash, V> {
    together: &'a Together<K, V>,
    key: K,
    // Always there, until it is let go of under the map's lock.
    slot: Option<Arc<Slot<V>>>,
}

// === impl Together ===

impl<K: Eq + Hash, V> Default for Together<K, V> {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Together<K, V> {
    /// What `read` reads, or what the read of somebody else who asked at the same time does. It begins after this call.
    ///
    /// Errors: those of `read`.
    pub(crate) async fn get<F>(&self, key: K, read: impl FnOnce() -> F) -> Result<V>
    where
        F: Future<Output = Result<V>>,
    {
        let asked = Asked {
            slot: Some(self.slot(&key)),
            together: self,
            key,
        };
        let slot = asked.slot.as_deref().expect("it is let go of last");
        let batch = Arc::clone(
            &slot
                .gathering
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        // Where the one who reads hangs up, another of the batch reads.
        let value = batch.get_or_init(|| async {
            let _turn = slot.turn.lock().await;
            slot.close(&batch);
            read().await
        });
        value.await.clone()
    }

    fn slot(&self, key: &K) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key.clone()).or_default())
    }
}

// === impl Slot ===

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            gathering: Mutex::new(Arc::new(OnceCell::new())),
        }
    }
}

impl<V> Slot<V> {
    /// From now on who asks is answered by a later read.
    fn close(&self, batch: &Arc<Batch<V>>) {
        let mut gathering = self
            .gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&gathering, batch) {
            *gathering = Arc::new(OnceCell::new());
        }
    }
}

impl<K: Eq + Hash, V> Drop for Asked<'_, K, V> {
    fn drop(&mut self) {
        let mut slots = self
            .together
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Whoever asks next takes the lock first, so only the map's is left where nobody else asks.
        drop(self.slot.take());
        if slots
            .get(&self.key)
            .is_some_and(|slot| Arc::strong_count(slot) == 1)
        {
            slots.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use domain::Error;
    use futures::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn who_asks_during_a_read_is_answered_by_the_next_one_together_with_the_others() {
        let together = Together::default();
        let (reads, go) = (AtomicU64::new(0), Notify::new());
        let first = together.get("key", || async {
            reads.fetch_add(1, Ordering::SeqCst);
            go.notified().await;
            Ok("before")
        });
        let later = async {
            // The first is under way by now: the futures are polled in their order.
            assert_eq!(reads.load(Ordering::SeqCst), 1);
            let all = (0..20).map(|_| {
                together.get("key", || async {
                    reads.fetch_add(1, Ordering::SeqCst);
                    Ok("after")
                })
            });
            let all = join_all(all);
            go.notify_one();
            all.await
        };
        let (first, later) = tokio::join!(first, later);
        assert_eq!(first.expect("read"), "before");
        assert!(
            later
                .into_iter()
                .all(|value| value.expect("read") == "after")
        );
        assert_eq!(reads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_error_is_everybodys_and_the_next_read_is_tried() {
        let together = Together::<_, u8>::default();
        let all = (0..3).map(|_| together.get(1, || async { Err(Error::not_found("thing")) }));
        assert!(join_all(all).await.into_iter().all(|value| value.is_err()));
        assert_eq!(together.get(1, || async { Ok(7) }).await.expect("read"), 7);
    }

    #[tokio::test]
    async fn who_reads_may_hang_up_and_another_reads() {
        let together = Together::default();
        let never = || async { std::future::pending().await };
        let mut first = Box::pin(together.get("key", never));
        assert!(futures::poll!(first.as_mut()).is_pending());
        // The next two wait for their turn together, and the second was to read.
        let mut second = Box::pin(together.get("key", never));
        assert!(futures::poll!(second.as_mut()).is_pending());
        let mut third = Box::pin(together.get("key", || async { Ok(3) }));
        assert!(futures::poll!(third.as_mut()).is_pending());
        drop(second);
        assert!(futures::poll!(third.as_mut()).is_pending());
        drop(first);
        assert_eq!(third.await.expect("read"), 3);
    }

    #[tokio::test]
    async fn nothing_is_kept_once_everybody_has_their_answer() {
        let together = Together::default();
        let all = (0..9).map(|key| together.get(key % 3, move || async move { Ok(key) }));
        join_all(all).await;
        assert!(together.slots.lock().expect("whole").is_empty());
    }
}
