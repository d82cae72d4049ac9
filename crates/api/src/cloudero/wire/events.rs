//! Events: operations, and what an organisation is told besides, as Cloude.ro's API prints them.

use control::events::Event;
use domain::ledger::{Notice, NoticeKind};
use domain::operation::{Operation, OperationKind, OperationStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// An event.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventResponse {
    id: i64,
    /// Such as `VM.CREATE`.
    event: &'static str,
    /// 0: it goes on; 1: it is done; -1: it failed.
    status: i32,
    /// The server's id; none where it is about the organisation's money.
    subscription_id: Option<i64>,
    created_at: String,
    /// Empty while it goes on.
    completed_at: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What it says, where it is about the organisation's money.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

// === impl EventResponse ===

impl From<Event> for EventResponse {
    fn from(event: Event) -> Self {
        let id = event.id();
        match event {
            Event::Operation(operation) => Self::operation(*operation),
            Event::Notice(notice) => Self::notice(id, notice),
        }
    }
}

impl EventResponse {
    fn operation(operation: Operation) -> Self {
        let status = match operation.status {
            OperationStatus::Queued | OperationStatus::Running => 0,
            OperationStatus::Succeeded => 1,
            OperationStatus::Failed | OperationStatus::Cancelled => -1,
        };
        Self {
            id: operation.id.0,
            event: kind(operation.kind),
            status,
            subscription_id: Some(operation.server_id.0),
            created_at: operation.created_at.rfc3339(),
            completed_at: operation
                .finished_at
                .map_or_else(String::new, domain::Timestamp::rfc3339),
            error: operation
                .error
                .or_else(|| Some("it was called off".to_owned()))
                .filter(|_| status < 0),
            message: None,
        }
    }

    fn notice(id: i64, notice: Notice) -> Self {
        Self {
            id,
            event: match notice.kind {
                NoticeKind::LowBalance => "BALANCE.LOW",
                NoticeKind::Suspended => "ACCOUNT.SUSPEND",
                NoticeKind::Resumed => "ACCOUNT.RESUME",
                NoticeKind::Destroyed => "ACCOUNT.DESTROY",
            },
            status: 1,
            subscription_id: None,
            created_at: notice.created_at.rfc3339(),
            completed_at: notice.created_at.rfc3339(),
            error: None,
            message: Some(notice.message),
        }
    }
}

fn kind(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::CreateServer => "VM.CREATE",
        OperationKind::AdoptServer => "VM.IMPORT",
        OperationKind::DestroyServer => "VM.DESTROY",
        OperationKind::StartServer => "VM.START",
        OperationKind::StopServer => "VM.STOP",
        OperationKind::RebootServer => "VM.REBOOT",
        OperationKind::ResizeServer => "VM.UPGRADE",
        OperationKind::RestoreSnapshot => "VM.RESTORE",
        OperationKind::RebuildServer => "VM.REINSTALL",
        OperationKind::ChangePassword => "VM.PASSWORD",
        OperationKind::CreateSnapshot => "SNAPSHOT.CREATE",
        OperationKind::DestroySnapshot => "SNAPSHOT.DESTROY",
    }
}
