//! Waiting for an instance: exactly as long as its row says.
//!
//! Called through the driver. What must stay true: each look is a call like any other, with its permit and its faults.

use std::time::Duration;

use tokio::time::Instant;

use super::region::Sandbox;
use crate::cloud::{CloudError, CloudResult, Instance, InstanceRef, Until};

/// The longest that a wait goes without a look: others may change what it waits for.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_millis(500);

// === impl Sandbox ===

impl Sandbox {
    /// Sleeps until the row's next change rather than asking again and again: a benchmark of a thousand servers
    /// should measure Arcus and not this. Unlike a real cloud, the sandbox knows what is not there yet from what will
    /// never be, so the latter is `NotFound` at once.
    pub(super) async fn wait_until(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        let deadline = Instant::now() + timeout;
        loop {
            let (machine, now) = self.look("get", at).await?;
            let seen = match &machine {
                Some(machine) if machine.is_shown(now) => machine.instance(now),
                _ if until == Until::Gone => return Ok(Instance::gone(at)),
                Some(machine) if machine.visible_at > now => Instance::pending(at),
                _ => return Err(CloudError::not_found(at)),
            };
            if until.holds(&seen) {
                return Ok(seen);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(until.timed_out(timeout, seen.power));
            }
            let next = machine.and_then(|machine| machine.next_change(now));
            let pause = next.map_or(LOOK_AT_LEAST_EVERY, |next| next.since(now));
            tokio::time::sleep(pause.min(LOOK_AT_LEAST_EVERY).min(left)).await;
        }
    }
}
