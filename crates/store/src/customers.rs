//! Organisations as customers: who they are to the operator, and their suspension.
//!
//! Written by `control::billing`: a suspension for want of money under the lock of the organisation's balance, and the
//! servers that it switches off one by one.

use domain::account::Organisation;
use domain::server::Server;
use domain::{Error, Money, OrganisationId, Result, ServerId, Timestamp, UserId};

use crate::query::{Row, sql};
use crate::servers;
use crate::session::Session;

/// Why an organisation is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its balance is below zero: a payment ends it.
    Balance,
    /// The operator said so, and has to say otherwise.
    Operator,
}

/// A suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Reason,
    /// When the organisation's servers are to be destroyed if it owes until then, as it was told.
    pub destroy_at: Option<Timestamp>,
    /// When it was told so for the last time.
    pub reminded_at: Option<Timestamp>,
}

/// An organisation as the operator sees it.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The organisation.
    pub organisation: Organisation,
    /// What it has.
    pub balance: Money,
    /// Whether it is suspended.
    pub suspension: Option<Suspension>,
}

macro_rules! columns {
    () => {
        "o.id, o.public_id, o.name, o.slug, o.created_at, o.suspended_at, o.suspended_for, o.destroy_at, o.reminded_at, \
         (SELECT b.balance FROM balances b WHERE b.organisation_id = o.id) AS balance"
    };
}

// === impl Reason ===

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::Operator => "operator",
        }
    }
}

/// All of them.
pub async fn list(session: &mut Session) -> Result<Vec<Customer>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM organisations o ORDER BY o.id"
    ));
    session.all(query).await?.iter().map(customer).collect()
}

/// The one with that public id or slug.
pub async fn find(session: &mut Session, name: &str) -> Result<Option<Customer>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM organisations o WHERE o.public_id = $1 OR o.slug = $1"
    ));
    let row = session.optional(query.arg(name)).await?;
    row.as_ref().map(customer).transpose()
}

/// The one with that key.
pub async fn by_id(session: &mut Session, id: OrganisationId) -> Result<Customer> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM organisations o WHERE o.id = $1"
    ));
    customer(&session.one(query.arg(id)).await?)
}

/// Its first user, in whose name is done what nobody asked for.
pub async fn first_user(
    session: &mut Session,
    id: OrganisationId,
) -> Result<Option<(UserId, String)>> {
    let query =
        sql!("SELECT id, user_name FROM users WHERE organisation_id = $1 ORDER BY id LIMIT 1");
    let row = session.optional(query.arg(id)).await?;
    row.map(|row| Ok((UserId(row.get("id")?), row.get("user_name")?)))
        .transpose()
}

/// The organisation's suspension, if there is one.
pub async fn suspension(session: &mut Session, id: OrganisationId) -> Result<Option<Suspension>> {
    let query = sql!(
        "SELECT suspended_at, suspended_for, destroy_at, reminded_at FROM organisations WHERE id = $1"
    );
    suspended(&session.one(query.arg(id)).await?)
}

/// Suspends an organisation; false where it is suspended already. The operator's word stands above the balance's.
pub async fn suspend(session: &mut Session, id: OrganisationId, reason: Reason) -> Result<bool> {
    let now = session.now();
    let query = match reason {
        Reason::Balance => sql!(
            "UPDATE organisations SET suspended_at = $1, suspended_for = $2 WHERE id = $3 AND suspended_at IS NULL"
        ),
        Reason::Operator => sql!(
            "UPDATE organisations SET suspended_at = COALESCE(suspended_at, $1), suspended_for = $2, \
             destroy_at = NULL, reminded_at = NULL WHERE id = $3 AND (suspended_at IS NULL OR suspended_for = 'balance')"
        ),
    };
    let changed = session
        .execute(query.arg(now).arg(reason.as_str()).arg(id))
        .await?;
    Ok(changed > 0)
}

/// Ends a suspension that has that reason; false where there is none.
pub async fn resume(session: &mut Session, id: OrganisationId, reason: Reason) -> Result<bool> {
    let query = sql!(
        "UPDATE organisations SET suspended_at = NULL, suspended_for = NULL, destroy_at = NULL, reminded_at = NULL \
         WHERE id = $1 AND suspended_for = $2"
    );
    let changed = session.execute(query.arg(id).arg(reason.as_str())).await?;
    Ok(changed > 0)
}

/// Notes when a suspended organisation's servers are to be destroyed, and when it was reminded of that.
pub async fn set_end(
    session: &mut Session,
    id: OrganisationId,
    destroy_at: Option<Timestamp>,
    reminded_at: Option<Timestamp>,
) -> Result<()> {
    let query = sql!("UPDATE organisations SET destroy_at = $1, reminded_at = $2 WHERE id = $3");
    session
        .execute(query.arg(destroy_at).arg(reminded_at).arg(id))
        .await
        .map(drop)
}

/// The organisations that are suspended for that reason.
pub async fn suspended_for(session: &mut Session, reason: Reason) -> Result<Vec<OrganisationId>> {
    let query = sql!(
        "SELECT id FROM organisations WHERE suspended_for = $1 AND suspended_at IS NOT NULL ORDER BY id"
    );
    let rows = session.all(query.arg(reason.as_str())).await?;
    rows.iter()
        .map(|row| row.get("id").map(OrganisationId))
        .collect()
}

/// Whether a server is one of the operator's regions' and its organisation is suspended: then it is not switched on.
pub async fn is_held(session: &mut Session, server: ServerId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM servers s JOIN organisations o ON o.id = s.organisation_id \
         JOIN providers p ON p.id = s.provider_id \
         WHERE s.id = $1 AND o.suspended_at IS NOT NULL AND p.kind = 'arcus'"
    );
    Ok(session.optional(query.arg(server)).await?.is_some())
}

/// Whether a server is in one of the operator's regions.
pub async fn is_of_the_house(session: &mut Session, server: ServerId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM servers s JOIN providers p ON p.id = s.provider_id WHERE s.id = $1 AND p.kind = 'arcus'"
    );
    Ok(session.optional(query.arg(server)).await?.is_some())
}

/// The servers that a suspension has not switched off yet: those that are to run, and those that run though they are not to,
/// with nothing under way for them since `tried`. One that is still being made is waited for.
pub async fn to_be_stopped(session: &mut Session, tried: Timestamp) -> Result<Vec<Server>> {
    let query = sql!(
        "SELECT s.organisation_id, s.id FROM servers s JOIN organisations o ON o.id = s.organisation_id \
         JOIN providers p ON p.id = s.provider_id WHERE o.suspended_at IS NOT NULL AND p.kind = 'arcus' \
         AND s.destroyed_at IS NULL AND s.cloud_id IS NOT NULL AND s.setup IN ('installing', 'ready', 'failed') \
         AND (s.desired = 'running' OR (s.desired = 'stopped' AND s.power = 'running' \
         AND NOT EXISTS (SELECT 1 FROM operations a WHERE a.server_id = s.id \
         AND (a.status IN ('queued', 'running') OR a.finished_at > $1)))) ORDER BY s.id"
    );
    let rows = session.all(query.arg(tried)).await?;
    read(session, &rows).await
}

/// The servers that a suspension switched off which is over.
pub async fn to_be_started(session: &mut Session) -> Result<Vec<Server>> {
    let query = sql!(
        "SELECT s.organisation_id, s.id FROM servers s JOIN organisations o ON o.id = s.organisation_id \
         WHERE o.suspended_at IS NULL AND s.suspended AND s.destroyed_at IS NULL ORDER BY s.id"
    );
    let rows = session.all(query).await?;
    read(session, &rows).await
}

/// The organisation's servers in the operator's regions that are not to be destroyed yet.
pub async fn to_be_destroyed(session: &mut Session, id: OrganisationId) -> Result<Vec<Server>> {
    let query = sql!(
        "SELECT s.organisation_id, s.id FROM servers s JOIN providers p ON p.id = s.provider_id \
         WHERE s.organisation_id = $1 AND p.kind = 'arcus' AND s.destroyed_at IS NULL AND s.desired <> 'destroyed' \
         ORDER BY s.id"
    );
    let rows = session.all(query.arg(id)).await?;
    read(session, &rows).await
}

async fn read(session: &mut Session, rows: &[Row]) -> Result<Vec<Server>> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let organisation = OrganisationId(row.get("organisation_id")?);
        found.push(servers::by_id(session, organisation, ServerId(row.get("id")?)).await?);
    }
    Ok(found)
}

/// Notes whether a server was switched off for want of money.
pub async fn set_suspended(session: &mut Session, id: ServerId, suspended: bool) -> Result<()> {
    let query = sql!("UPDATE servers SET suspended = $1 WHERE id = $2");
    session
        .execute(query.arg(suspended).arg(id))
        .await
        .map(drop)
}

fn customer(row: &Row) -> Result<Customer> {
    Ok(Customer {
        organisation: Organisation {
            id: OrganisationId(row.get("id")?),
            public_id: row.word("public_id")?,
            name: row.get("name")?,
            slug: row.get("slug")?,
            created_at: row.time("created_at")?,
        },
        balance: Money(row.get::<Option<i64>>("balance")?.unwrap_or(0)),
        suspension: suspended(row)?,
    })
}

fn suspended(row: &Row) -> Result<Option<Suspension>> {
    let Some(since) = row.get::<Option<i64>>("suspended_at")? else {
        return Ok(None);
    };
    let reason = match row.get::<Option<String>>("suspended_for")?.as_deref() {
        Some("balance") => Reason::Balance,
        None | Some("operator") => Reason::Operator,
        Some(other) => {
            return Err(Error::internal(format!(
                "no organisation is suspended for {other:?}"
            )));
        }
    };
    Ok(Some(Suspension {
        since: Timestamp(since),
        reason,
        destroy_at: row.get::<Option<i64>>("destroy_at")?.map(Timestamp),
        reminded_at: row.get::<Option<i64>>("reminded_at")?.map(Timestamp),
    }))
}
