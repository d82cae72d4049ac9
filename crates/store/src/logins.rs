//! Logins by JWT: families of refresh tokens, of each of which exactly one is good.
//!
//! What must stay true: of two uses of one refresh token one succeeds at most, and the second ends the family.

use domain::account::{Organisation, User};
use domain::{Result, Timestamp, UserId};

use crate::accounts::user_and_organisation;
use crate::query::sql;
use crate::session::Session;

/// Begins a family whose good refresh token has that number.
pub async fn begin(
    session: &mut Session,
    id: &str,
    user: UserId,
    number: &str,
    expires_at: Timestamp,
) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "INSERT INTO login_families (id, user_id, refresh_number, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)"
    );
    session
        .execute(query.arg(id).arg(user).arg(number).arg(now).arg(expires_at))
        .await
        .map(drop)
}

/// Changes the good refresh token of a family for the next; false when the number is not the good one's, or the family has
/// ended.
pub async fn rotate(
    session: &mut Session,
    id: &str,
    number: &str,
    next: &str,
    expires_at: Timestamp,
) -> Result<bool> {
    let now = session.now();
    let query = sql!(
        "UPDATE login_families SET refresh_number = $1, expires_at = $2 \
         WHERE id = $3 AND refresh_number = $4 AND revoked_at IS NULL AND expires_at > $5"
    );
    let changed = session
        .execute(query.arg(next).arg(expires_at).arg(id).arg(number).arg(now))
        .await?;
    Ok(changed == 1)
}

/// Ends a family.
pub async fn revoke(session: &mut Session, id: &str) -> Result<()> {
    let now = session.now();
    let query =
        sql!("UPDATE login_families SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL");
    session.execute(query.arg(now).arg(id)).await.map(drop)
}

/// Ends all families of a user, as a new password does.
pub async fn revoke_all(session: &mut Session, user: UserId) -> Result<()> {
    let now = session.now();
    let query =
        sql!("UPDATE login_families SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL");
    session.execute(query.arg(now).arg(user)).await.map(drop)
}

/// Forgets what ended before that.
pub async fn forget(session: &mut Session, before: Timestamp) -> Result<()> {
    let query = sql!("DELETE FROM login_families WHERE expires_at < $1");
    session.execute(query.arg(before)).await.map(drop)
}

/// The user of a family that goes on, with its organisation.
pub async fn user(session: &mut Session, id: &str) -> Result<Option<(User, Organisation)>> {
    let query = sql!(
        "SELECT u.id, u.organisation_id, u.email, u.user_name, u.password_hash, u.role, u.created_at, \
                o.public_id, o.name, o.slug, o.created_at AS organisation_created_at \
         FROM login_families f JOIN users u ON u.id = f.user_id JOIN organisations o ON o.id = u.organisation_id \
         WHERE f.id = $1 AND f.revoked_at IS NULL"
    );
    let row = session.optional(query.arg(id)).await?;
    row.as_ref().map(user_and_organisation).transpose()
}
