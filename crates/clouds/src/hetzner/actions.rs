//! Hetzner's background actions: begun, and waited for.
//!
//! Called by all verbs that change a server. What must stay true: an action is sent again only where Hetzner has refused it
//! because the server was locked by another; and one that is under way is never taken for one that failed, only because
//! nobody could ask.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::wire::{Action, OneAction};
use super::{Hetzner, errors};
use crate::cloud::{CloudError, CloudResult, ErrorClass};
use crate::pauses::{Patience, Pauses};

/// How long any action may take: a snapshot of a large disk takes longest.
pub(super) const USUAL_LIMIT: Duration = Duration::from_mins(30);

// === impl Hetzner ===

impl Hetzner {
    /// Begins an action on a server, such as `poweron`, which has no body.
    pub(super) async fn begin(
        &self,
        server: u64,
        kind: &str,
        body: Option<&Value>,
    ) -> CloudResult<Action> {
        let id = server.to_string();
        let path = ["servers", &id, "actions", kind];
        let mut patience = Patience::new();
        loop {
            let begun: CloudResult<OneAction> = self.client.call(Method::POST, &path, body).await;
            let busy = errors::is_busy(begun.as_ref().err());
            if patience.again(busy).await.is_none() {
                return begun.map(|one| one.action);
            }
        }
    }

    /// Begins an action on a server and waits for its end.
    pub(super) async fn run(&self, server: u64, kind: &str, body: &Value) -> CloudResult<()> {
        let action = self.begin(server, kind, Some(body)).await?;
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
                "success" => return Ok(()),
                "error" => return Err(failed(&seen)),
                _ => {}
            }
            let mut pause = pauses.next();
            match self.client.get::<OneAction>(&["actions", &id]).await {
                Ok(one) if one.action.status != "running" => {
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
                let what = format!("{} is not done after {} s", action.command, limit.as_secs());
                return Err(errors::lost(&what, true));
            }
            sleep(pause).await;
        }
    }

    /// The last actions of a server, the newest first: as many as one page has, which is more than one change of ours and
    /// what a person may have done meanwhile.
    pub(super) async fn last_actions(&self, server: u64) -> CloudResult<Vec<Action>> {
        let id = server.to_string();
        let path = ["servers", &id, "actions"];
        let newest_first = [("sort", "id:desc")];
        let (actions, _) = self.client.page(&path, &newest_first, 1).await?;
        Ok(actions)
    }

    /// Waits for the end of what is under way of that command, begun by somebody who may not have lived to see it. How it
    /// ends is for whoever looks then.
    pub(super) async fn settle(&self, server: u64, command: &str) -> CloudResult<()> {
        for action in self.last_actions(server).await? {
            if action.command == command && action.status == "running" {
                match self.finish(&action, USUAL_LIMIT).await {
                    Err(error) if error.class != ErrorClass::Rejected => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn failed(action: &Action) -> CloudError {
    let why = match &action.error {
        Some(error) => format!("{} ({})", error.message, error.code),
        None => "it does not say why".to_owned(),
    };
    errors::rejected(format!(
        "Hetzner Cloud began {} and reports that it failed: {why}",
        action.command
    ))
}
