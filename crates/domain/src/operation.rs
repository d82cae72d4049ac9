//! Operations: the work that a request starts, and the only ways in which its status may move.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::server::words;

/// What an operation does. Each has one file in `control::operations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Make an instance, wait until it runs, install and prove its packages.
    CreateServer,
    /// Switch on.
    StartServer,
    /// Switch off.
    StopServer,
    /// Switch off and on.
    RebootServer,
    /// Rename, terminate, and watch until it is gone.
    DestroyServer,
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
    StartServer = "start_server",
    StopServer = "stop_server",
    RebootServer = "reboot_server",
    DestroyServer = "destroy_server",
});
words!(OperationStatus {
    Queued = "queued",
    Running = "running",
    Succeeded = "succeeded",
    Failed = "failed",
    Cancelled = "cancelled",
});

// === impl OperationKind ===

impl OperationKind {
    /// How long it may take, retries included, before it is given up.
    ///
    /// A destroy is never given up: a server that may still cost money stays on the list.
    pub fn time_limit(self) -> Option<Duration> {
        match self {
            Self::CreateServer => Some(Duration::from_secs(30 * 60)),
            Self::StartServer | Self::StopServer | Self::RebootServer => {
                Some(Duration::from_secs(10 * 60))
            }
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

    /// Whether an operation may go from this status to `next`. What is over stays over; a running one may be
    /// queued again for a later try, or be taken over by another worker.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => matches!(next, Self::Running | Self::Cancelled | Self::Failed),
            Self::Running => true,
            Self::Succeeded | Self::Failed | Self::Cancelled => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OperationStatus::{Cancelled, Failed, Queued, Running, Succeeded};

    #[test]
    fn the_status_of_an_operation_moves_only_as_this_table_says() {
        let all = [Queued, Running, Succeeded, Failed, Cancelled];
        let legal = [
            (Queued, Running),
            (Queued, Cancelled),
            (Queued, Failed),
            (Running, Queued),
            (Running, Running),
            (Running, Succeeded),
            (Running, Failed),
            (Running, Cancelled),
        ];
        for from in all {
            for to in all {
                assert_eq!(from.may_become(to), legal.contains(&(from, to)), "{from:?} -> {to:?}");
            }
        }
    }
}
