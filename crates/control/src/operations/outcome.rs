//! Where an operation goes when its worker is done with it: it has succeeded or failed, waits for another try, is frozen
//! until its credentials are accepted again, was called off, or is handed back.
//!
//! Called by the runner, once for each claim. What must stay true: all of it is written under the operation's fence; an
//! operation whose lease is another's by now is left alone; what it leaves on its server is written with it; none is given
//! up for being late before it was tried in this very claim, since nobody may have been there to try it before.

use std::time::Duration;

use domain::operation::{Operation, OperationKind, OperationStatus};
use domain::server::Setup;
use domain::snapshot::SnapshotState;
use domain::{Result, SnapshotId};
use store::Session;
use store::operations::Lease;

use super::retry::{self, Verdict};
use super::run::{Fault, LastStep};
use crate::app::App;

/// An operation that a worker is done with.
pub(super) struct Outcome<'a> {
    pub(super) app: &'a App,
    pub(super) operation: &'a Operation,
    pub(super) lease: &'a Lease,
}

// === impl Outcome ===

impl Outcome<'_> {
    /// Puts an operation where its outcome says.
    pub(super) async fn settle(&self, ended: LastStep) -> Result<()> {
        let fault = match ended {
            Ok(session) => {
                return self.finish(session, OperationStatus::Succeeded, None).await;
            }
            Err(fault) => fault,
        };
        match fault {
            Fault::LostLease => Ok(()),
            Fault::Store(error) if error.kind() == domain::ErrorKind::Unavailable => Err(error),
            Fault::Store(error) => {
                tracing::error!(operation = %self.operation.id, error = error.private(), message = error.message(), "an operation met a fault");
                self.tried(error.message(), retry::backoff(self.operation.attempt))
                    .await
            }
            Fault::Interrupted => self.interrupted().await,
            Fault::Failed(why) => self.fail(&why).await,
            Fault::Later(why, pause) => self.put_back(&why, pause).await,
            Fault::Frozen(why) => self.freeze(&why).await,
            Fault::Cloud(error) => {
                let tries = 1 + self.retries_in_a_row().await?;
                match retry::verdict(self.operation.kind, error.class, tries) {
                    Verdict::Fail => self.fail(&error.message).await,
                    Verdict::Retry(pause) => self.tried(&error.message, pause).await,
                }
            }
        }
    }

    async fn retries_in_a_row(&self) -> Result<i64> {
        let mut session = self.app.store.read().await?;
        store::operations::retries_in_a_row(&mut session, self.operation.id).await
    }

    /// Called off, or put back for another process when this one stops.
    async fn interrupted(&self) -> Result<()> {
        let mut session = self.app.store.read().await?;
        let now = store::operations::by_id(
            &mut session,
            self.operation.organisation_id,
            self.operation.id,
        )
        .await?;
        drop(session);
        if now.cancel_requested {
            let why = "called off: the server is being deleted";
            let session = self.app.store.write().await?;
            self.finish(session, OperationStatus::Cancelled, Some(why))
                .await
        } else {
            self.put_back("handed back", Duration::ZERO).await
        }
    }

    /// Again after that pause, unless its time is over then.
    async fn tried(&self, why: &str, pause: Duration) -> Result<()> {
        let at = self.app.clock().now().plus(pause);
        let deadline = self.operation.deadline;
        if deadline.is_some_and(|deadline| at > deadline) {
            let why = format!("given up after {} tries: {why}", self.operation.attempt);
            return self.fail(&why).await;
        }
        self.put_back(why, pause).await
    }

    /// Again when the credentials may be accepted again. However long that takes, its time begins anew then.
    async fn freeze(&self, why: &str) -> Result<()> {
        let pause = retry::frozen(self.operation.attempt);
        self.app.metrics.retry(self.operation.kind.as_str());
        let mut session = self.app.store.write().await?;
        let at = session.now().plus(pause);
        fenced(store::operations::freeze_until(&mut session, self.lease, at, why).await)?;
        session.commit().await
    }

    async fn put_back(&self, why: &str, pause: Duration) -> Result<()> {
        self.app.metrics.retry(self.operation.kind.as_str());
        let mut session = self.app.store.write().await?;
        let at = session.now().plus(pause);
        fenced(store::operations::retry_at(&mut session, self.lease, at, why).await)?;
        session.commit().await
    }

    async fn fail(&self, why: &str) -> Result<()> {
        let session = self.app.store.write().await?;
        self.finish(session, OperationStatus::Failed, Some(why))
            .await
    }

    /// Ends it, and commits what the transaction holds of its last step with it.
    async fn finish(
        &self,
        mut session: Session,
        status: OperationStatus,
        error: Option<&str>,
    ) -> Result<()> {
        if !fenced(store::operations::finish(&mut session, self.lease, status, error).await)? {
            return Ok(());
        }
        match status {
            OperationStatus::Failed => record_failure(&mut session, self.operation, error).await?,
            OperationStatus::Succeeded => forgive(&mut session, self.operation).await?,
            OperationStatus::Cancelled | OperationStatus::Queued | OperationStatus::Running => {}
        }
        let took = session.now().since(self.operation.created_at);
        session.commit().await?;
        self.app.metrics.operation(
            self.operation.kind.as_str(),
            status.as_str(),
            took.as_secs_f64(),
        );
        Ok(())
    }
}

/// What a failed operation leaves on its server.
async fn record_failure(
    session: &mut Session,
    operation: &Operation,
    error: Option<&str>,
) -> Result<()> {
    let server =
        store::servers::by_id(session, operation.organisation_id, operation.server_id).await?;
    let setup = match operation.kind {
        OperationKind::CreateServer | OperationKind::AdoptServer => Setup::Failed,
        // The old system is gone, or may be, and the new one is not ready.
        OperationKind::RebuildServer if server.setup == Setup::Installing => Setup::Failed,
        OperationKind::CreateSnapshot | OperationKind::DestroySnapshot => {
            return record_snapshot_failure(session, operation, error).await;
        }
        // A server that would not stop or start is still the server that it was.
        _ => server.setup,
    };
    store::servers::set_setup(session, operation.server_id, setup, error).await
}

/// A snapshot that could not be made is none; one that could not be deleted is there still.
async fn record_snapshot_failure(
    session: &mut Session,
    operation: &Operation,
    error: Option<&str>,
) -> Result<()> {
    let id = operation
        .input
        .get("snapshot")
        .and_then(serde_json::Value::as_i64);
    let state = if operation.kind == OperationKind::CreateSnapshot {
        SnapshotState::Failed
    } else {
        SnapshotState::Available
    };
    match id {
        Some(id) => store::snapshots::set_state(session, SnapshotId(id), state, error).await,
        None => Ok(()),
    }
}

/// What an earlier failure to switch a server left is over once it was switched.
async fn forgive(session: &mut Session, operation: &Operation) -> Result<()> {
    let server =
        store::servers::by_id(session, operation.organisation_id, operation.server_id).await?;
    if server.setup == Setup::Ready && server.error.is_some() {
        store::servers::set_setup(session, server.id, server.setup, None).await?;
    }
    Ok(())
}

/// Whether a write went through; false when the lease is another worker's by now.
fn fenced(written: Result<()>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == domain::ErrorKind::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}
