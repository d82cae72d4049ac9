//! Waiting for rows to become what a request asked for.

use std::future::Future;
use std::time::Duration;

use domain::Result;
use tokio::time::Instant;

use crate::app::App;

/// How often to look when nothing tells: a replica elsewhere may do the work, and its word may be lost.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Looks whenever something was committed, until `look` finds something or `bound` is over (`None`).
pub async fn until<T, F, L>(app: &App, bound: Duration, mut look: L) -> Result<Option<T>>
where
    L: FnMut() -> F + Send,
    F: Future<Output = Result<Option<T>>> + Send,
{
    let deadline = Instant::now() + bound;
    let mut changes = app.store.changes();
    loop {
        changes.mark_unchanged();
        let looking = Instant::now();
        if let Some(found) = look().await? {
            return Ok(Some(found));
        }
        // Under load something is committed all the time; looking takes a fifth of the time at the most.
        tokio::time::sleep(looking.elapsed() * 4).await;
        if Instant::now() >= deadline {
            return Ok(None);
        }
        let pause = LOOK_AGAIN.min(deadline.saturating_duration_since(Instant::now()));
        tokio::select! {
            // The process stops: the request is answered with how far things are.
            () = app.shutdown.cancelled() => return Ok(None),
            // Either way the next thing to do is to look.
            _ = tokio::time::timeout(pause, changes.changed()) => {}
        }
    }
}
