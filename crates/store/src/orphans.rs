//! Instances at a cloud that bear our tag and that no server accounts for.

use domain::{OrphanId, Result, Timestamp};

use crate::query::{Row, sql};
use crate::session::Session;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its key.
    pub id: OrphanId,
    /// The provider's public id, or `house`.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The cloud's id.
    pub cloud_id: String,
    /// The token that it bears.
    pub token: String,
    /// Its name tag.
    pub name: String,
    /// `reported`, `adopted`, `removing` or `removed`.
    pub state: String,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
}

/// Notes that it was seen; returns it with the time of the first sight.
pub async fn see(
    session: &mut Session,
    account: &str,
    region: &str,
    cloud_id: &str,
    token: &str,
    name: &str,
) -> Result<Orphan> {
    let now = session.now();
    let row = session
        .one(
            sql!(
                "INSERT INTO orphans (account, region, cloud_id, token, name, state, first_seen_at, last_seen_at) \
                 VALUES ($1, $2, $3, $4, $5, 'reported', $6, $6) ON CONFLICT (account, region, cloud_id) DO UPDATE \
                 SET last_seen_at = excluded.last_seen_at, name = excluded.name, token = excluded.token, \
                 first_seen_at = CASE WHEN orphans.token = excluded.token THEN orphans.first_seen_at \
                 ELSE excluded.first_seen_at END, \
                 state = CASE WHEN orphans.token <> excluded.token THEN 'reported' \
                 WHEN orphans.state = 'removed' THEN 'removing' ELSE orphans.state END \
                 RETURNING id, account, region, cloud_id, token, name, state, first_seen_at"
            )
            .arg(account)
            .arg(region)
            .arg(cloud_id)
            .arg(token)
            .arg(name)
            .arg(now),
        )
        .await?;
    orphan(&row)
}

/// How many the operator has not decided about.
pub async fn count_reported(session: &mut Session) -> Result<i64> {
    let query = sql!("SELECT COUNT(*) AS n FROM orphans WHERE state = 'reported'");
    session.one(query).await?.get("n")
}

/// The token of the orphan at that place whose end was decided and has not been seen yet.
pub async fn removing(
    session: &mut Session,
    account: &str,
    region: &str,
    cloud_id: &str,
) -> Result<Option<String>> {
    let query = sql!(
        "SELECT token FROM orphans WHERE account = $1 AND region = $2 AND cloud_id = $3 AND state = 'removing'"
    );
    let row = session
        .optional(query.arg(account).arg(region).arg(cloud_id))
        .await?;
    row.map(|row| row.get("token")).transpose()
}

/// Notes what became of it.
pub async fn set_state(session: &mut Session, id: OrphanId, state: &str) -> Result<()> {
    session
        .execute(
            sql!("UPDATE orphans SET state = $1 WHERE id = $2")
                .arg(state)
                .arg(id),
        )
        .await
        .map(drop)
}

/// Those whose end was decided, and that were not seen since `before`: what outlives them may be there still.
pub async fn vanished(
    session: &mut Session,
    account: &str,
    region: &str,
    before: Timestamp,
) -> Result<Vec<Orphan>> {
    let query = sql!(
        "SELECT id, account, region, cloud_id, token, name, state, first_seen_at FROM orphans WHERE account = $1 \
         AND region = $2 AND last_seen_at < $3 AND state = 'removing' ORDER BY id"
    );
    let rows = session
        .all(query.arg(account).arg(region).arg(before))
        .await?;
    rows.iter().map(orphan).collect()
}

/// Forgets those that were not seen since `before`: they are gone, or a server accounts for them now. One whose end was decided
/// is forgotten when that is done.
pub async fn forget_unseen(
    session: &mut Session,
    account: &str,
    region: &str,
    before: Timestamp,
) -> Result<()> {
    let query = sql!(
        "DELETE FROM orphans WHERE account = $1 AND region = $2 AND last_seen_at < $3 AND state <> 'removing'"
    );
    session
        .execute(query.arg(account).arg(region).arg(before))
        .await
        .map(drop)
}

/// All of them.
pub async fn list(session: &mut Session) -> Result<Vec<Orphan>> {
    let query = sql!(
        "SELECT id, account, region, cloud_id, token, name, state, first_seen_at FROM orphans ORDER BY id"
    );
    session.all(query).await?.iter().map(orphan).collect()
}

fn orphan(row: &Row) -> Result<Orphan> {
    Ok(Orphan {
        id: OrphanId(row.get("id")?),
        account: row.get("account")?,
        region: row.get("region")?,
        cloud_id: row.get("cloud_id")?,
        token: row.get("token")?,
        name: row.get("name")?,
        state: row.get("state")?,
        first_seen_at: row.time("first_seen_at")?,
    })
}
