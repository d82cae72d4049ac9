//! What a worker writes of its operation: steps, what came of it, its end, and that it is for later.
//!
//! Called by the runner and its operations. What must stay true: nothing is written under a fence that is not the row's any
//! more; what is over never changes; events are only added.

use domain::operation::OperationStatus;
use domain::{Error, ErrorKind, OperationId, Result, ServerId, Timestamp};
use serde_json::Value;

use crate::query::{json, sql};
use crate::session::Session;

/// From this length on a record does not repeat itself.
const LONG_RECORD: i64 = 200;

/// A worker's claim on an operation: who, and with which fence.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The operation.
    pub id: OperationId,
    /// The worker.
    pub owner: String,
    /// The number of the lease.
    pub fence: i64,
}

/// A step to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Its name; the operation is taken up from here after a crash.
    pub name: &'a str,
    /// How much is done, 0 to 100.
    pub percent: i64,
    /// What happens, in a user's words.
    pub message: &'a str,
}

/// Records a step, and with it whatever else the session writes. Errors: `Conflict` when the lease is another's by
/// now; the caller must drop the session and stop.
pub async fn step(session: &mut Session, lease: &Lease, step: Step<'_>) -> Result<()> {
    let query = sql!(
        "UPDATE operations SET step = $1, percent = $2 \
         WHERE id = $3 AND fence = $4 AND lease_owner = $5 AND status = 'running'"
    );
    let changed = session
        .execute(
            query
                .arg(step.name)
                .arg(step.percent)
                .arg(lease.id)
                .arg(lease.fence)
                .arg(&lease.owner),
        )
        .await?;
    held(changed)?;
    add_event(session, lease.id, step).await?;
    session.tell();
    Ok(())
}

/// Records what the operation found or did, for the answer to its request.
pub async fn set_output(session: &mut Session, lease: &Lease, output: &Value) -> Result<()> {
    let query = sql!("UPDATE operations SET output = $1 WHERE id = $2 AND fence = $3");
    held(
        session
            .execute(query.arg(json(output)?).arg(lease.id).arg(lease.fence))
            .await?,
    )
}

/// Ends the operation.
pub async fn finish(
    session: &mut Session,
    lease: &Lease,
    status: OperationStatus,
    error: Option<&str>,
) -> Result<()> {
    debug_assert!(status.is_final());
    let now = session.now();
    let query = sql!(
        "UPDATE operations SET status = $1, error = $2, finished_at = $3, lease_owner = NULL, lease_until = NULL, \
         sealed_input = NULL, \
         percent = CASE WHEN $1 = 'succeeded' THEN 100 ELSE percent END \
         WHERE id = $4 AND fence = $5 AND lease_owner = $6 AND status = 'running'"
    );
    let changed = session
        .execute(
            query
                .arg(status.as_str())
                .arg(error.map(str::to_owned))
                .arg(now)
                .arg(lease.id)
                .arg(lease.fence)
                .arg(&lease.owner),
        )
        .await?;
    held(changed)?;
    let percent = if status == OperationStatus::Succeeded {
        100
    } else {
        0
    };
    let message = error.unwrap_or(status.as_str());
    add_event(
        session,
        lease.id,
        Step {
            name: status.as_str(),
            percent,
            message,
        },
    )
    .await?;
    session.tell();
    Ok(())
}

/// Puts the operation back into the queue for a later try, with the reason as an event.
pub async fn retry_at(
    session: &mut Session,
    lease: &Lease,
    at: Timestamp,
    why: &str,
) -> Result<()> {
    put_off(session, lease, at, "retry", why).await
}

async fn put_off(
    session: &mut Session,
    lease: &Lease,
    at: Timestamp,
    name: &str,
    why: &str,
) -> Result<()> {
    let query = sql!(
        "UPDATE operations SET status = 'queued', not_before = $1, lease_owner = NULL, lease_until = NULL \
         WHERE id = $2 AND fence = $3 AND lease_owner = $4 AND status = 'running'"
    );
    held(
        session
            .execute(
                query
                    .arg(at)
                    .arg(lease.id)
                    .arg(lease.fence)
                    .arg(&lease.owner),
            )
            .await?,
    )?;
    session.tell();
    if is_told(session, lease.id, why).await? {
        return Ok(());
    }
    let put_off = Step {
        name,
        percent: 0,
        message: why,
    };
    add_event(session, lease.id, put_off).await
}

/// Puts it off until then as [`retry_at`] does, and forgets since when it was worked on: what it waits for is no time of
/// its own.
pub async fn freeze_until(
    session: &mut Session,
    lease: &Lease,
    at: Timestamp,
    why: &str,
) -> Result<()> {
    let query = sql!(
        "UPDATE operations SET started_at = NULL WHERE id = $1 AND fence = $2 AND lease_owner = $3 AND status = 'running'"
    );
    let query = query.arg(lease.id).arg(lease.fence).arg(&lease.owner);
    held(session.execute(query).await?)?;
    // Under another name than a retry, which it is none of.
    put_off(session, lease, at, "frozen", why).await
}

/// Calls off all operations of a server that are not over: those that wait end here, the running one at its worker's
/// next look.
pub async fn cancel_of_server(session: &mut Session, server: ServerId, why: &str) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE operations SET status = 'cancelled', cancel_requested = TRUE, error = $1, finished_at = $2, \
         sealed_input = NULL \
         WHERE server_id = $3 AND status = 'queued' RETURNING id"
    );
    for row in session.all(query.arg(why).arg(now).arg(server)).await? {
        let id = OperationId(row.get("id")?);
        add_event(
            session,
            id,
            Step {
                name: "cancelled",
                percent: 0,
                message: why,
            },
        )
        .await?;
    }
    let query = sql!(
        "UPDATE operations SET cancel_requested = TRUE WHERE server_id = $1 AND status = 'running'"
    );
    session.execute(query.arg(server)).await?;
    session.tell();
    Ok(())
}

/// Whether the record of an operation is long and ends with these very words: what is tried for ever fills no disk.
async fn is_told(session: &mut Session, id: OperationId, words: &str) -> Result<bool> {
    let query = sql!(
        "SELECT seq, message FROM operation_events WHERE operation_id = $1 ORDER BY seq DESC LIMIT 1"
    );
    let row = session.optional(query.arg(id)).await?;
    Ok(match row {
        Some(row) => row.get::<i64>("seq")? > LONG_RECORD && row.get::<String>("message")? == words,
        None => false,
    })
}

pub(super) async fn add_event(
    session: &mut Session,
    id: OperationId,
    step: Step<'_>,
) -> Result<()> {
    let now = session.now();
    // The operation's row is locked by the statement before, so two events never get one number.
    let query = sql!(
        "INSERT INTO operation_events (operation_id, seq, at, step, percent, message) \
         SELECT $1, COALESCE(MAX(seq), 0) + 1, $2, $3, $4, $5 FROM operation_events WHERE operation_id = $1"
    );
    session
        .execute(
            query
                .arg(id)
                .arg(now)
                .arg(step.name)
                .arg(step.percent)
                .arg(step.message),
        )
        .await
        .map(drop)
}

fn held(changed: u64) -> Result<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::Conflict,
            "the lease of this operation is another worker's by now",
        ))
    }
}
