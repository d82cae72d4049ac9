//! DigitalOcean's background actions: begun, and waited for.
//!
//! Called by all verbs that change a droplet. What must stay true: an action is sent again only where DigitalOcean has
//! refused it because the droplet was busy with another; and one that is under way is never taken for one that failed,
//! only because nobody could ask.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::wire::{Action, OneAction};
use super::{DigitalOcean, errors};
use crate::cloud::{CloudError, CloudResult, ErrorClass};
use crate::pauses::{Patience, Pauses};

/// How long any action may take: a snapshot of a large disk takes longest.
pub(super) const USUAL_LIMIT: Duration = Duration::from_mins(30);

// === impl DigitalOcean ===

impl DigitalOcean {
    /// Begins an action on a droplet.
    pub(super) async fn begin(&self, droplet: u64, body: &Value) -> CloudResult<Action> {
        let id = droplet.to_string();
        let path = ["droplets", &id, "actions"];
        let mut patience = Patience::new();
        loop {
            let begun: CloudResult<OneAction> = self.client.post(&path, body).await;
            if patience
                .again(errors::is_busy(begun.as_ref().err()))
                .await
                .is_none()
            {
                return begun.map(|one| one.action);
            }
        }
    }

    /// Begins an action on a droplet and waits for its end.
    pub(super) async fn run(&self, droplet: u64, body: &Value) -> CloudResult<()> {
        let action = self.begin(droplet, body).await?;
        self.finish(&action, USUAL_LIMIT).await
    }

    /// Waits for the end of an action.
    ///
    /// Errors: `Rejected` where it failed, `OutcomeUnknown` where it has not ended in time.
    pub(super) async fn finish(&self, action: &Action, limit: Duration) -> CloudResult<()> {
        let deadline = Instant::now() + limit;
        let mut pauses = Pauses::new();
        let id = action.id.to_string();
        let mut seen = action.clone();
        loop {
            match seen.status.as_str() {
                "completed" => return Ok(()),
                "errored" => return Err(failed(&seen)),
                _ => {}
            }
            let mut pause = pauses.next();
            match self.client.get::<OneAction>(&["actions", &id]).await {
                Ok(one) if one.action.status != "in-progress" => {
                    seen = one.action;
                    continue;
                }
                Ok(_) => {}
                // It goes on, whether it can be looked at or not.
                Err(error) => match error.class {
                    ErrorClass::Throttled(longer) => pause = pause.max(longer),
                    ErrorClass::Unavailable => {}
                    ErrorClass::Auth => return Err(error),
                    _ => return Err(errors::lost(&error.message, true)),
                },
            }
            if Instant::now() + pause > deadline {
                let what = format!("{} is not done after {} s", action.kind, limit.as_secs());
                return Err(errors::lost(&what, true));
            }
            sleep(pause).await;
        }
    }

    /// The actions of a droplet that came after another, as far as they are of that kind.
    pub(super) async fn actions_after(
        &self,
        droplet: u64,
        last: u64,
        kind: &str,
    ) -> CloudResult<Vec<Action>> {
        let mut actions = self.actions(droplet).await?;
        actions.retain(|action| action.id > last && action.kind == kind);
        Ok(actions)
    }

    /// The last action of a droplet; ids grow.
    pub(super) async fn last_action(&self, droplet: u64) -> CloudResult<u64> {
        let ids = self.actions(droplet).await?.into_iter();
        Ok(ids.map(|action| action.id).max().unwrap_or(0))
    }

    /// Waits for the end of what is under way of that kind, begun by somebody who may not have lived to see it. How it
    /// ends is for whoever looks then.
    pub(super) async fn settle(&self, droplet: u64, kind: &str) -> CloudResult<()> {
        for action in self.actions(droplet).await? {
            if action.kind == kind && action.status == "in-progress" {
                match self.finish(&action, USUAL_LIMIT).await {
                    Err(error) if error.class != ErrorClass::Rejected => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    async fn actions(&self, droplet: u64) -> CloudResult<Vec<Action>> {
        let id = droplet.to_string();
        self.client.list(&["droplets", &id, "actions"], &[]).await
    }
}

fn failed(action: &Action) -> CloudError {
    errors::rejected(format!(
        "DigitalOcean began {} and reports that it failed (action {})",
        action.kind, action.id
    ))
}
