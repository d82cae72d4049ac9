//! The audit trail: every changing call, each line hashed together with the one before.
//!
//! Lines are only ever added. A line that is changed, removed or put in between breaks the chain from there on.

use domain::account::Actor;
use domain::{OrganisationId, Result, Timestamp, UserId};
use sha2::{Digest, Sha256};

use crate::query::{Row, sql};
use crate::session::Session;

/// A line of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, without gaps.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub organisation_id: Option<i64>,
    /// Who.
    pub user_id: Option<i64>,
    /// Through which API.
    pub facade: String,
    /// In which request.
    pub request_id: String,
    /// What was done, such as `environment.create`.
    pub action: String,
    /// To what; never a secret.
    pub subject: String,
}

/// Adds a line for what an actor did, in the transaction that does it.
pub async fn record(
    session: &mut Session,
    actor: &Actor,
    action: &str,
    subject: &str,
) -> Result<()> {
    let entry = Entry {
        id: 0,
        at: session.now(),
        organisation_id: Some(actor.organisation.id.0),
        user_id: Some(actor.user_id.0),
        facade: actor.facade.to_owned(),
        request_id: actor.request_id.clone(),
        action: action.to_owned(),
        subject: subject.to_owned(),
    };
    append(session, entry).await
}

/// Adds a line for what a user did to its own account, before there is an actor.
pub async fn record_account(
    session: &mut Session,
    organisation: OrganisationId,
    user: UserId,
    action: &str,
) -> Result<()> {
    let entry = Entry {
        id: 0,
        at: session.now(),
        organisation_id: Some(organisation.0),
        user_id: Some(user.0),
        facade: "accounts".to_owned(),
        request_id: String::new(),
        action: action.to_owned(),
        subject: user.to_string(),
    };
    append(session, entry).await
}

/// Adds a line for what the operator or a reconciler did.
pub async fn record_operator(
    session: &mut Session,
    facade: &str,
    action: &str,
    subject: &str,
) -> Result<()> {
    let entry = Entry {
        id: 0,
        at: session.now(),
        organisation_id: None,
        user_id: None,
        facade: facade.to_owned(),
        request_id: String::new(),
        action: action.to_owned(),
        subject: subject.to_owned(),
    };
    append(session, entry).await
}

async fn append(session: &mut Session, mut entry: Entry) -> Result<()> {
    // On PostgreSQL two lines at once would both follow the same one; SQLite has one writer anyway.
    session
        .execute(sql!(
            sqlite: "SELECT 1",
            postgres: "LOCK TABLE audit IN EXCLUSIVE MODE"
        ))
        .await?;
    let last = session
        .optional(sql!("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1"))
        .await?;
    let (id, before) = match last {
        Some(row) => (row.get::<i64>("id")?, row.get::<String>("hash")?),
        None => (0, String::new()),
    };
    entry.id = id + 1;
    let hash = entry.hash(&before);
    session
        .execute(
            sql!(
                "INSERT INTO audit (id, at, organisation_id, user_id, facade, request_id, action, subject, hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            )
            .arg(entry.id)
            .arg(entry.at)
            .arg(entry.organisation_id)
            .arg(entry.user_id)
            .arg(entry.facade)
            .arg(entry.request_id)
            .arg(entry.action)
            .arg(entry.subject)
            .arg(hash),
        )
        .await
        .map(drop)
}

/// Walks the trail. `Ok(n)`: all of its `n` lines are as they were written; `Err(id)`: line `id` is not.
///
/// Lines cut off at the end leave no gap behind; who must exclude that keeps the last hash elsewhere.
pub async fn verify(session: &mut Session) -> Result<std::result::Result<i64, i64>> {
    let (mut last, mut before) = (0, String::new());
    loop {
        let query = sql!(
            "SELECT id, at, organisation_id, user_id, facade, request_id, action, subject, hash FROM audit \
             WHERE id > $1 ORDER BY id LIMIT 1000"
        );
        let rows = session.all(query.arg(last)).await?;
        if rows.is_empty() {
            return Ok(Ok(last));
        }
        for row in &rows {
            let (entry, hash) = (entry(row)?, row.get::<String>("hash")?);
            if entry.id != last + 1 || entry.hash(&before) != hash {
                return Ok(Err(last + 1));
            }
            (last, before) = (entry.id, hash);
        }
    }
}

/// Changes a line as an intruder would, for a test.
#[doc(hidden)]
pub async fn tamper_for_test(session: &mut Session, id: i64) -> Result<()> {
    session
        .execute(sql!("UPDATE audit SET subject = 'forged' WHERE id = $1").arg(id))
        .await
        .map(drop)
}

// === impl Entry ===

impl Entry {
    /// Fields are written with their lengths, so that no two different lines read alike.
    fn hash(&self, before: &str) -> String {
        let number = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
        let fields = [
            before.to_owned(),
            self.id.to_string(),
            self.at.0.to_string(),
            number(self.organisation_id),
            number(self.user_id),
            self.facade.clone(),
            self.request_id.clone(),
            self.action.clone(),
            self.subject.clone(),
        ];
        let mut hasher = Sha256::new();
        for field in fields {
            hasher.update(field.len().to_le_bytes());
            hasher.update(field.as_bytes());
        }
        hex::encode(hasher.finalize())
    }
}

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        id: row.get("id")?,
        at: row.time("at")?,
        organisation_id: row.get("organisation_id")?,
        user_id: row.get("user_id")?,
        facade: row.get("facade")?,
        request_id: row.get("request_id")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
    })
}
