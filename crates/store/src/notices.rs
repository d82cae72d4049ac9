//! Notices: what an organisation is told that is no operation on a server.
//!
//! Written by `control::billing`, in the transactions in which it happens.

use domain::ledger::{Notice, NoticeKind};
use domain::{OrganisationId, Result, Timestamp};

use crate::query::sql;
use crate::session::Session;

/// Tells an organisation something.
pub async fn add(
    session: &mut Session,
    organisation: OrganisationId,
    kind: NoticeKind,
    message: &str,
) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "INSERT INTO notices (organisation_id, kind, message, created_at) VALUES ($1, $2, $3, $4)"
    );
    session
        .execute(
            query
                .arg(organisation)
                .arg(kind.as_str())
                .arg(message)
                .arg(now),
        )
        .await?;
    session.tell();
    Ok(())
}

/// What an organisation was told since then, the oldest first.
pub async fn recent(
    session: &mut Session,
    organisation: OrganisationId,
    since: Timestamp,
) -> Result<Vec<Notice>> {
    let query = sql!(
        "SELECT id, kind, message, created_at FROM notices WHERE organisation_id = $1 AND created_at >= $2 \
         ORDER BY created_at, id"
    );
    let rows = session.all(query.arg(organisation).arg(since)).await?;
    rows.iter()
        .map(|row| {
            Ok(Notice {
                id: row.get("id")?,
                kind: row.word("kind")?,
                message: row.get("message")?,
                created_at: row.time("created_at")?,
            })
        })
        .collect()
}
