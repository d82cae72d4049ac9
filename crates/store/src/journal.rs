//! What clients tell about themselves: command histories and feedback. Written, never shown to others.

use domain::{OrganisationId, Result, UserId};

use crate::query::sql;
use crate::session::Session;

/// Adds an entry of a kind (`history`, `feedback`); `body` is JSON.
pub async fn add(
    session: &mut Session,
    organisation: OrganisationId,
    user: UserId,
    kind: &str,
    body: &str,
) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "INSERT INTO journal (organisation_id, user_id, kind, body, created_at) VALUES ($1, $2, $3, $4, $5)"
    );
    session
        .execute(
            query
                .arg(organisation)
                .arg(user)
                .arg(kind)
                .arg(body)
                .arg(now),
        )
        .await
        .map(drop)
}
