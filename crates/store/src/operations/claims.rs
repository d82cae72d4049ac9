//! Who works on what: lanes with something to do, leases that are given, renewed and lost.
//!
//! Called by the runner. What must stay true: a claim gives the operation a new fence, and with that the one before can write
//! nothing any more; of one server at most one operation is claimed, the earliest that waits.

use std::time::Duration;

use domain::operation::Operation;
use domain::{OperationId, OrganisationId, Result, ServerId, Timestamp};

use super::operation;
use crate::query::sql;
use crate::session::Session;

/// What a worker still holds.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The operation.
    pub id: OperationId,
    /// The number of the lease.
    pub fence: i64,
    /// Whether it is to be called off.
    pub cancel_requested: bool,
}

/// A lane in which something can be claimed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyLane {
    /// See [`Operation::lane`].
    pub lane: String,
    /// Whose it is.
    pub organisation: OrganisationId,
}

/// The lanes in which something can be claimed now.
pub async fn ready_lanes(session: &mut Session) -> Result<Vec<ReadyLane>> {
    let now = session.now();
    let query = sql!(
        "SELECT DISTINCT o.lane, o.organisation_id FROM operations o WHERE o.status IN ('queued', 'running') AND \
         ((o.status = 'queued' AND o.not_before <= $1) OR (o.status = 'running' AND o.lease_until < $1)) \
         AND NOT EXISTS (SELECT 1 FROM operations e WHERE e.server_id = o.server_id AND e.id <> o.id \
         AND (e.status = 'running' OR (e.status = 'queued' AND e.id < o.id)))"
    );
    let rows = session.all(query.arg(now)).await?;
    rows.iter()
        .map(|row| {
            Ok(ReadyLane {
                lane: row.get("lane")?,
                organisation: OrganisationId(row.get("organisation_id")?),
            })
        })
        .collect()
}

/// When something that can't be claimed yet will be.
pub async fn next_ready(session: &mut Session) -> Result<Option<Timestamp>> {
    let query = sql!(
        "SELECT MIN(CASE WHEN status = 'queued' THEN not_before ELSE lease_until END) AS next FROM operations \
         WHERE status IN ('queued', 'running')"
    );
    Ok(session
        .one(query)
        .await?
        .get::<Option<i64>>("next")?
        .map(Timestamp))
}

/// The claim, with what keeps two that claim at once apart: SQLite has one writer at a time.
macro_rules! claiming {
    ($lock:literal) => {
        concat!(
            "UPDATE operations SET status = 'running', lease_owner = $1, lease_until = $2, fence = fence + 1, \
             attempt = attempt + 1, started_at = COALESCE(started_at, $3) WHERE id IN (SELECT o.id FROM operations o \
             WHERE o.lane = $4 AND o.status IN ('queued', 'running') AND \
             ((o.status = 'queued' AND o.not_before <= $3) OR \
             (o.status = 'running' AND o.lease_until < $3 AND o.lease_owner <> $1)) \
             AND NOT EXISTS (SELECT 1 FROM operations e WHERE e.server_id = o.server_id AND e.id <> o.id \
             AND (e.status = 'running' OR (e.status = 'queued' AND e.id < o.id))) ORDER BY o.id LIMIT $5",
            $lock,
            ") RETURNING ",
            columns!()
        )
    };
}

/// Claims up to `limit` operations of a lane for `owner`: what is due, or whose lease another let run out, and before
/// which nothing of the same server waits, nor anything runs: a later one may, where an earlier one's request was
/// committed after it. A process that was frozen finds its own leases run out when it
/// wakes, and its workers still at it: those it renews.
pub async fn claim(
    session: &mut Session,
    lane: &str,
    owner: &str,
    lease: Duration,
    limit: usize,
) -> Result<Vec<Operation>> {
    let now = session.now();
    let query = sql!(
        sqlite: claiming!(""),
        postgres: claiming!(" FOR UPDATE SKIP LOCKED"),
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = session
        .all(
            query
                .arg(owner)
                .arg(now.plus(lease))
                .arg(now)
                .arg(lane)
                .arg(limit),
        )
        .await?;
    rows.iter().map(operation).collect()
}

/// Renews all of a worker's leases and says what it still holds. A lease that another has taken is not among them.
pub async fn renew(session: &mut Session, owner: &str, lease: Duration) -> Result<Vec<Held>> {
    let until = session.now().plus(lease);
    hold_of_owner(session, owner).await?;
    let query = sql!(
        "UPDATE operations SET lease_until = $1 WHERE lease_owner = $2 AND status = 'running' \
         RETURNING id, fence, cancel_requested"
    );
    let rows = session.all(query.arg(until).arg(owner)).await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                id: OperationId(row.get("id")?),
                fence: row.get("fence")?,
                cancel_requested: row.get("cancel_requested")?,
            })
        })
        .collect()
}

async fn hold_of_owner(session: &mut Session, owner: &str) -> Result<()> {
    let query = sql!(
        sqlite: "SELECT id FROM operations WHERE lease_owner = $1 AND status = 'running' ORDER BY id LIMIT 0",
        postgres: "SELECT id FROM operations WHERE lease_owner = $1 AND status = 'running' ORDER BY id FOR UPDATE",
    );
    session.all(query.arg(owner)).await.map(drop)
}

/// Locks the operations of a server that are not over, in the order in which all lock them: whoever changes its row
/// afterwards would otherwise meet a worker half-way.
pub async fn hold_of_server(session: &mut Session, id: ServerId) -> Result<()> {
    let query = sql!(
        sqlite: "SELECT id FROM operations WHERE server_id = $1 AND status IN ('queued', 'running') ORDER BY id LIMIT 0",
        postgres: "SELECT id FROM operations WHERE server_id = $1 AND status IN ('queued', 'running') ORDER BY id \
         FOR UPDATE",
    );
    session.all(query.arg(id)).await.map(drop)
}

/// What of a worker's operations is to be called off.
pub async fn cancelled(session: &mut Session, owner: &str) -> Result<Vec<OperationId>> {
    let query = sql!(
        "SELECT id FROM operations WHERE status = 'running' \
         AND lease_owner = $1 AND cancel_requested"
    );
    let rows = session.all(query.arg(owner)).await?;
    rows.iter()
        .map(|row| row.get("id").map(OperationId))
        .collect()
}
