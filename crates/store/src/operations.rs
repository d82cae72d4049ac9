//! The queue, and the record of what was done.
//!
//! | file | what it owns |
//! |---|---|
//! | `operations` | what is queued, and what is read of it |
//! | `claims` | who works on what, and for how long |
//! | `progress` | what the one who works on it writes |
//!
//! Architecture invariants: at most one operation of a server runs (a unique index says so), in the order of their
//! keys; a worker writes only while its fence is the row's; events are only added; what is over never changes.

use domain::operation::{Operation, OperationEvent, OperationKind};
use domain::{EnvironmentId, OperationId, OrganisationId, Result, ServerId, Timestamp, UserId};
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

mod claims;
mod progress;

pub use claims::{
    Held, ReadyLane, cancelled, claim, hold_of_server, next_ready, ready_lanes, renew,
};
use progress::add_event;
pub use progress::{
    Lease, Step, cancel_of_server, finish, freeze_until, retry_at, set_output, step,
};

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

// Who locks several operations locks them in the order of their ids, so that nobody waits for one another. SQLite has
// one writer, and nothing to lock.

pub(crate) async fn hold_of_environment(session: &mut Session, id: EnvironmentId) -> Result<()> {
    let query = sql!(
        sqlite: "SELECT o.id FROM operations o JOIN servers s ON s.id = o.server_id WHERE s.environment_id = $1 \
         AND o.status IN ('queued', 'running') ORDER BY o.id LIMIT 0",
        postgres: "SELECT o.id FROM operations o JOIN servers s ON s.id = o.server_id WHERE s.environment_id = $1 \
         AND o.status IN ('queued', 'running') ORDER BY o.id FOR UPDATE OF o",
    );
    session.all(query.arg(id)).await.map(drop)
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

/// Whether a server was there before and is not to be destroyed at its cloud: its adoption never ended, or its end was asked
/// for before that did.
pub async fn is_given_back(session: &mut Session, server: ServerId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM operations WHERE server_id = $1 AND ((kind = 'adopt_server' AND status <> 'succeeded') \
         OR (kind = 'destroy_server' AND input LIKE '%\"give_back\":true%')) LIMIT 1"
    );
    Ok(session.optional(query.arg(server)).await?.is_some())
}

/// Whether our tag may be on its way to a server that was there before, or on it.
pub async fn adoption_was_sent(session: &mut Session, server: ServerId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM operations o JOIN operation_events e ON e.operation_id = o.id \
         WHERE o.server_id = $1 AND o.kind = 'adopt_server' AND e.step = 'adopt' LIMIT 1"
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

fn operation(row: &Row) -> Result<Operation> {
    let kind: OperationKind = row.word("kind")?;
    let started_at = row.get::<Option<i64>>("started_at")?.map(Timestamp);
    let input = row.json("input")?;
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
            .zip(kind.time_limit(&input))
            .map(|(started_at, limit)| started_at.plus(limit)),
        cancel_requested: row.get("cancel_requested")?,
        input,
        output: row.json("output")?,
        error: row.get("error")?,
        created_at: row.time("created_at")?,
        finished_at: row.get::<Option<i64>>("finished_at")?.map(Timestamp),
    })
}
