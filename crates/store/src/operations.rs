//! The queue, and the record of what was done.
//!
//! Architecture invariants: at most one operation of a server runs (a unique index says so), in the order of their
//! keys; a worker writes only while its fence is the row's; events are only added; what is over never changes.

use std::time::Duration;

use domain::operation::{Operation, OperationEvent, OperationKind, OperationStatus};
use domain::{
    EnvironmentId, Error, ErrorKind, OperationId, OrganisationId, Result, ServerId, Timestamp,
    UserId,
};
use secrecy::SecretString;
use serde_json::Value;

use crate::query::{Row, json, sql};
use crate::session::Session;

macro_rules! columns {
    () => {
        "id, kind, server_id, organisation_id, actor, facade, lane, status, step, percent, attempt, fence, \
         cancel_requested, input, output, error, created_at, started_at, finished_at"
    };
}

/// From this length on a record does not repeat itself.
const LONG_RECORD: i64 = 200;

/// The version of the operations' inputs that this program writes.
const INPUT_VERSION: i64 = 1;

/// An operation to be queued.
pub struct NewOperation<'a> {
    /// What to do.
    pub kind: OperationKind,
    /// To which server.
    pub server_id: ServerId,
    /// Whose.
    pub organisation_id: OrganisationId,
    /// Who asked; `None` for a reconciler.
    pub actor: Option<UserId>,
    /// Through which API.
    pub facade: &'a str,
    /// See [`Operation::lane`].
    pub lane: &'a str,
    /// See [`Operation::input`].
    pub input: &'a Value,
    /// What of the input nobody may read.
    pub secret: Option<&'a SecretString>,
}

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

/// Queues an operation, with its first event.
pub async fn enqueue(session: &mut Session, new: &NewOperation<'_>) -> Result<Operation> {
    let now = session.now();
    let sealed = match new.secret {
        Some(secret) => Some(
            session
                .sealer()
                .seal(&secret_place(new.server_id), secret)?,
        ),
        None => None,
    };
    let row = session
        .one(
            sql!(concat!(
                "INSERT INTO operations (kind, server_id, organisation_id, actor, facade, lane, input, input_version, \
                 status, step, percent, attempt, not_before, fence, cancel_requested, output, created_at, sealed_input) \
                 VALUES ($1, $2, $3, $4, $5, $6, $9, $7, 'queued', '', 0, 0, $8, 0, FALSE, '{}', $8, $10) RETURNING ",
                columns!()
            ))
            .arg(new.kind.as_str())
            .arg(new.server_id)
            .arg(new.organisation_id)
            .arg(new.actor)
            .arg(new.facade)
            .arg(new.lane)
            .arg(INPUT_VERSION)
            .arg(now)
            .arg(json(new.input)?)
            .arg(sealed),
        )
        .await?;
    let operation = operation(&row)?;
    add_event(
        session,
        operation.id,
        Step {
            name: "queued",
            percent: 0,
            message: "queued",
        },
    )
    .await?;
    session.tell();
    Ok(operation)
}

fn secret_place(server: ServerId) -> String {
    format!("operations.input/{server}")
}

/// What of an operation's input nobody may read, for as long as the operation is not over.
pub async fn secret(session: &mut Session, operation: &Operation) -> Result<Option<SecretString>> {
    let query = sql!("SELECT sealed_input FROM operations WHERE id = $1");
    let row = session.one(query.arg(operation.id)).await?;
    let sealed: Option<Vec<u8>> = row.get("sealed_input")?;
    let place = secret_place(operation.server_id);
    sealed
        .map(|sealed| session.sealer().unseal(&place, &sealed))
        .transpose()
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
        sqlite: concat!(
            "UPDATE operations SET status = 'running', lease_owner = $1, lease_until = $2, fence = fence + 1, \
             attempt = attempt + 1, started_at = COALESCE(started_at, $3) WHERE id IN (SELECT o.id FROM operations o \
             WHERE o.lane = $4 AND o.status IN ('queued', 'running') AND \
             ((o.status = 'queued' AND o.not_before <= $3) OR \
             (o.status = 'running' AND o.lease_until < $3 AND o.lease_owner <> $1)) \
             AND NOT EXISTS (SELECT 1 FROM operations e WHERE e.server_id = o.server_id AND e.id <> o.id \
             AND (e.status = 'running' OR (e.status = 'queued' AND e.id < o.id))) ORDER BY o.id LIMIT $5) RETURNING ",
            columns!()
        ),
        postgres: concat!(
            "UPDATE operations SET status = 'running', lease_owner = $1, lease_until = $2, fence = fence + 1, \
             attempt = attempt + 1, started_at = COALESCE(started_at, $3) WHERE id IN (SELECT o.id FROM operations o \
             WHERE o.lane = $4 AND o.status IN ('queued', 'running') AND \
             ((o.status = 'queued' AND o.not_before <= $3) OR \
             (o.status = 'running' AND o.lease_until < $3 AND o.lease_owner <> $1)) \
             AND NOT EXISTS (SELECT 1 FROM operations e WHERE e.server_id = o.server_id AND e.id <> o.id \
             AND (e.status = 'running' OR (e.status = 'queued' AND e.id < o.id))) ORDER BY o.id LIMIT $5 FOR UPDATE SKIP LOCKED) RETURNING ",
            columns!()
        ),
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

// Who locks several operations locks them in the order of their ids, so that nobody waits for one another. SQLite has
// one writer, and nothing to lock.

async fn hold_of_owner(session: &mut Session, owner: &str) -> Result<()> {
    let query = sql!(
        sqlite: "SELECT id FROM operations WHERE lease_owner = $1 AND status = 'running' ORDER BY id LIMIT 0",
        postgres: "SELECT id FROM operations WHERE lease_owner = $1 AND status = 'running' ORDER BY id FOR UPDATE",
    );
    session.all(query.arg(owner)).await.map(drop)
}

pub(crate) async fn hold_of_environment(session: &mut Session, id: EnvironmentId) -> Result<()> {
    let query = sql!(
        sqlite: "SELECT o.id FROM operations o JOIN servers s ON s.id = o.server_id WHERE s.environment_id = $1 \
         AND o.status IN ('queued', 'running') ORDER BY o.id LIMIT 0",
        postgres: "SELECT o.id FROM operations o JOIN servers s ON s.id = o.server_id WHERE s.environment_id = $1 \
         AND o.status IN ('queued', 'running') ORDER BY o.id FOR UPDATE OF o",
    );
    session.all(query.arg(id)).await.map(drop)
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

/// The operation of a server that is not over and was queued last.
pub async fn last_pending(session: &mut Session, server: ServerId) -> Result<Option<Operation>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM operations WHERE server_id = $1 AND status IN ('queued', 'running') ORDER BY id DESC LIMIT 1"
    ));
    session
        .optional(query.arg(server))
        .await?
        .as_ref()
        .map(operation)
        .transpose()
}

/// The organisation's operation with that key.
pub async fn by_id(
    session: &mut Session,
    organisation: OrganisationId,
    id: OperationId,
) -> Result<Operation> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM operations WHERE organisation_id = $1 AND id = $2"
    ));
    operation(&session.one(query.arg(organisation).arg(id)).await?)
}

/// The organisation's operation with that key, where it has one.
pub async fn find(
    session: &mut Session,
    organisation: OrganisationId,
    id: OperationId,
) -> Result<Option<Operation>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM operations WHERE organisation_id = $1 AND id = $2"
    ));
    let row = session.optional(query.arg(organisation).arg(id)).await?;
    row.as_ref().map(operation).transpose()
}

/// The organisation's operations that were asked for since then, or are under way still.
pub async fn since(
    session: &mut Session,
    organisation: OrganisationId,
    since: Timestamp,
) -> Result<Vec<Operation>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM operations WHERE organisation_id = $1 AND (created_at >= $2 OR status IN ('queued', 'running')) \
         ORDER BY id"
    ));
    let rows = session.all(query.arg(organisation).arg(since)).await?;
    rows.iter().map(operation).collect()
}

/// What is under way for an organisation's servers, in the order in which it is done.
pub async fn pending_of_organisation(
    session: &mut Session,
    organisation: OrganisationId,
) -> Result<Vec<(ServerId, OperationId, OperationKind)>> {
    let query = sql!(
        "SELECT server_id, id, kind FROM operations WHERE organisation_id = $1 AND status IN ('queued', 'running') \
         ORDER BY id"
    );
    let rows = session.all(query.arg(organisation)).await?;
    rows.iter()
        .map(|row| {
            Ok((
                ServerId(row.get("server_id")?),
                OperationId(row.get("id")?),
                row.word("kind")?,
            ))
        })
        .collect()
}

/// The record of an operation.
pub async fn events(session: &mut Session, id: OperationId) -> Result<Vec<OperationEvent>> {
    let query = sql!(
        "SELECT seq, at, step, percent, message FROM operation_events WHERE operation_id = $1 ORDER BY seq"
    );
    let rows = session.all(query.arg(id)).await?;
    rows.iter()
        .map(|row| {
            Ok(OperationEvent {
                seq: row.get("seq")?,
                at: row.time("at")?,
                step: row.get("step")?,
                percent: row.get("percent")?,
                message: row.get("message")?,
            })
        })
        .collect()
}

/// The last line of the record of an operation.
pub async fn last_event(session: &mut Session, id: OperationId) -> Result<Option<String>> {
    let query = sql!(
        "SELECT message FROM operation_events WHERE operation_id = $1 ORDER BY seq DESC LIMIT 1"
    );
    let row = session.optional(query.arg(id)).await?;
    row.map(|row| row.get("message")).transpose()
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

/// How often an operation was put off since it last got further: a long way with a fault now and then is no reason to
/// wait longer and longer.
pub async fn retries_in_a_row(session: &mut Session, id: OperationId) -> Result<i64> {
    let query = sql!(
        "SELECT COUNT(*) AS retries FROM operation_events WHERE operation_id = $1 AND step = 'retry' AND seq > \
         (SELECT MIN(e.seq) FROM operation_events e WHERE e.operation_id = $1 AND e.percent = \
         (SELECT MAX(m.percent) FROM operation_events m WHERE m.operation_id = $1))"
    );
    session.one(query.arg(id)).await?.get("retries")
}

/// Whether a create of that server may ever have been sent to its cloud.
pub async fn create_was_sent(session: &mut Session, server: ServerId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM operations WHERE server_id = $1 AND kind = 'create_server' AND step <> '' LIMIT 1"
    );
    Ok(session.optional(query.arg(server)).await?.is_some())
}

/// Whether a server was to be taken under management, and has not been.
pub async fn adoption_is_open(session: &mut Session, server: ServerId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM operations WHERE server_id = $1 AND kind = 'adopt_server' AND status <> 'succeeded'"
    );
    Ok(session.optional(query.arg(server)).await?.is_some())
}

/// Whether our tag may just be being put on a server that was there before.
pub async fn is_being_adopted(session: &mut Session, server: ServerId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM operations WHERE server_id = $1 AND kind = 'adopt_server' \
         AND (status = 'running' OR (status = 'queued' AND step = 'adopt'))"
    );
    Ok(session.optional(query.arg(server)).await?.is_some())
}

/// When the making of a server ended, or its adoption; `None` where it has not.
pub async fn created_at(session: &mut Session, server: ServerId) -> Result<Option<Timestamp>> {
    let query = sql!(
        "SELECT finished_at FROM operations WHERE server_id = $1 AND kind IN ('create_server', 'adopt_server') \
         ORDER BY id LIMIT 1"
    );
    let row = session.optional(query.arg(server)).await?;
    let ended = row
        .map(|row| row.get::<Option<i64>>("finished_at"))
        .transpose()?;
    Ok(ended.flatten().map(Timestamp))
}

/// How many wait and how many run, for the metrics.
pub async fn counts(session: &mut Session) -> Result<(i64, i64)> {
    let query = sql!(
        "SELECT COALESCE(SUM(CASE WHEN status = 'queued' THEN 1 ELSE 0 END), 0) AS queued, \
         COALESCE(SUM(CASE WHEN status = 'running' THEN 1 ELSE 0 END), 0) AS running \
         FROM operations WHERE status IN ('queued', 'running')"
    );
    let row = session.one(query).await?;
    Ok((row.get("queued")?, row.get("running")?))
}

async fn add_event(session: &mut Session, id: OperationId, step: Step<'_>) -> Result<()> {
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

fn operation(row: &Row) -> Result<Operation> {
    let kind: OperationKind = row.word("kind")?;
    let started_at = row.get::<Option<i64>>("started_at")?.map(Timestamp);
    Ok(Operation {
        id: OperationId(row.get("id")?),
        kind,
        server_id: ServerId(row.get("server_id")?),
        organisation_id: OrganisationId(row.get("organisation_id")?),
        actor: row.get::<Option<i64>>("actor")?.map(UserId),
        facade: row.get("facade")?,
        lane: row.get("lane")?,
        status: row.word("status")?,
        step: row.get("step")?,
        percent: row.get("percent")?,
        attempt: row.get("attempt")?,
        fence: row.get("fence")?,
        deadline: started_at
            .zip(kind.time_limit())
            .map(|(started_at, limit)| started_at.plus(limit)),
        cancel_requested: row.get("cancel_requested")?,
        input: row.json("input")?,
        output: row.json("output")?,
        error: row.get("error")?,
        created_at: row.time("created_at")?,
        finished_at: row.get::<Option<i64>>("finished_at")?.map(Timestamp),
    })
}
