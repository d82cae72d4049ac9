//! Pauses between two looks at what a cloud is doing: each look is one call of the account's limit, so they grow.
//!
//! Used by drivers whose cloud has to be asked again and again. What must stay true: only a refusal that had no effect is
//! answered by sending the same call once more.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long an instance may be busy with something else.
const BUSY_LIMIT: Duration = Duration::from_mins(2);

/// Pauses that grow.
pub(crate) struct Pauses(Duration);

/// How long a call goes on being sent that is refused because its instance is busy.
pub(crate) struct Patience {
    deadline: Instant,
    pauses: Pauses,
}

// === impl Pauses ===

impl Pauses {
    pub(crate) fn new() -> Self {
        Self(Duration::from_millis(250))
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 3 / 2).min(Duration::from_secs(10));
        pause
    }
}

// === impl Patience ===

impl Patience {
    pub(crate) fn new() -> Self {
        Self {
            deadline: Instant::now() + BUSY_LIMIT,
            pauses: Pauses::new(),
        }
    }

    /// Pauses where the call should be sent once more, which is where the answer says that the instance is busy; `None`
    /// where the answer is the one.
    pub(crate) async fn again(&mut self, is_busy: bool) -> Option<()> {
        if !is_busy {
            return None;
        }
        let pause = self.pauses.next();
        if Instant::now() + pause > self.deadline {
            return None;
        }
        sleep(pause).await;
        Some(())
    }
}
