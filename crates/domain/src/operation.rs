//! Operations: the work that a request starts, and the only ways in which its status may move.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::{OperationId, OrganisationId, ServerId, UserId};
use crate::server::words;
use crate::time::Timestamp;

/// A piece of work on one server, from the request until its end. Its row is also its place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its key; the operations of one server run in the order of their keys.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// To which server.
    pub server_id: ServerId,
    /// Whose.
    pub organisation_id: OrganisationId,
    /// Who asked for it; `None` for a reconciler.
    pub actor: Option<UserId>,
    /// Through which API.
    pub facade: String,
    /// Which organisation's calls on which credentials it takes: the unit of fairness between them.
    pub lane: String,
    /// Where it is.
    pub status: OperationStatus,
    /// The last step that was recorded; empty before the first.
    pub step: String,
    /// How much is done, 0 to 100.
    pub percent: i64,
    /// How often a worker took it up.
    pub attempt: i64,
    /// The number of its present lease: a worker with an older one may write nothing.
    pub fence: i64,
    /// When it is given up, counted from when it was first taken up: what waits behind another spends no time of its own.
    /// `None` before that, and for what must go on until it is done.
    pub deadline: Option<Timestamp>,
    /// Whether it is to be called off.
    pub cancel_requested: bool,
    /// What it was asked to do beyond its kind, by name: an image, a plan, a snapshot.
    pub input: serde_json::Value,
    /// What it found or did, for the answer to its request.
    pub output: serde_json::Value,
    /// Why it failed, in a user's words.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A line of an operation's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationEvent {
    /// 1, 2, 3, without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// The step.
    pub step: String,
    /// How much is done, 0 to 100.
    pub percent: i64,
    /// What happened, in a user's words.
    pub message: String,
}

/// What an operation does. Each has one file in `control::operations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Make an instance, wait until it runs, install and prove its packages.
    CreateServer,
    /// Put an instance that was there before under our tag.
    AdoptServer,
    /// Switch on.
    StartServer,
    /// Switch off.
    StopServer,
    /// Switch off and on.
    RebootServer,
    /// Rename, terminate, and watch until it is gone.
    DestroyServer,
    /// Set the password of a user inside.
    ChangePassword,
    /// Give it another plan.
    ResizeServer,
    /// Reinstall its system; its address stays.
    RebuildServer,
    /// Put its disk back to a snapshot.
    RestoreSnapshot,
    /// Keep its disk as it is now.
    CreateSnapshot,
    /// Forget a snapshot of it.
    DestroySnapshot,
}

/// Where an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// Waiting: for its turn, for a worker, or for its next try.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Done.
    Succeeded,
    /// Given up; its error says why.
    Failed,
    /// Called off.
    Cancelled,
}

words!(OperationKind {
    CreateServer = "create_server",
    AdoptServer = "adopt_server",
    StartServer = "start_server",
    StopServer = "stop_server",
    RebootServer = "reboot_server",
    DestroyServer = "destroy_server",
    ChangePassword = "change_password",
    ResizeServer = "resize_server",
    RebuildServer = "rebuild_server",
    RestoreSnapshot = "restore_snapshot",
    CreateSnapshot = "create_snapshot",
    DestroySnapshot = "destroy_snapshot",
});
words!(OperationStatus {
    Queued = "queued",
    Running = "running",
    Succeeded = "succeeded",
    Failed = "failed",
    Cancelled = "cancelled",
});

// === impl Operation ===

impl Operation {
    /// Whether the cloud has accepted what it is to do: its output says from which power to which.
    pub fn is_accepted(&self) -> bool {
        self.output.get("current").is_some()
    }
}

// === impl OperationKind ===

impl OperationKind {
    /// How long it may take, retries included, before it is given up, where `input` is what it was asked to do.
    ///
    /// Where a cloud copies a disk, that is by how long a large one takes there, by the clouds' own words up to three minutes
    /// a gigabyte: what is given up before is made all the same, paid for, and nobody's. A server from a snapshot has less,
    /// since a cloud without room for it is asked all that time, and what it makes is found afterwards. A destroy is never given up: a server
    /// that may still cost money stays on the list.
    pub fn time_limit(self, input: &serde_json::Value) -> Option<Duration> {
        match self {
            Self::CreateSnapshot | Self::RestoreSnapshot | Self::ResizeServer => {
                Some(Duration::from_hours(8))
            }
            Self::CreateServer if input.get("snapshot").is_some() => Some(Duration::from_hours(3)),
            Self::CreateServer | Self::RebuildServer | Self::DestroySnapshot => {
                Some(Duration::from_mins(30))
            }
            Self::AdoptServer
            | Self::StartServer
            | Self::StopServer
            | Self::RebootServer
            | Self::ChangePassword => Some(Duration::from_mins(10)),
            Self::DestroyServer => None,
        }
    }
}

// === impl OperationStatus ===

impl OperationStatus {
    /// Whether it is over.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_copies_a_disk_has_the_time_of_a_large_one() {
        let limit = |kind: OperationKind, input| kind.time_limit(&input).expect("it has one");
        let large = Duration::from_hours(2);
        for (kind, input) in [
            (OperationKind::CreateSnapshot, json!({})),
            (OperationKind::RestoreSnapshot, json!({})),
            (OperationKind::ResizeServer, json!({})),
            (OperationKind::CreateServer, json!({ "snapshot": 1 })),
        ] {
            assert!(limit(kind, input) > large, "{kind:?}");
        }
        // One that hangs is not waited for that long.
        assert!(limit(OperationKind::CreateServer, json!({})) < large);
    }
}
