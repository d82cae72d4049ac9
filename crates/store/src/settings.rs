//! Single values: the installation's id, the mark of the last health check.

use domain::{Result, random};

use crate::query::sql;
use crate::session::Session;

/// The id of this installation, written into every instance's tag; made at the first call.
pub async fn installation(session: &mut Session) -> Result<String> {
    session
        .execute(
            sql!("INSERT INTO settings (name, value) VALUES ('installation', $1) ON CONFLICT (name) DO NOTHING")
                .arg(random::hex::<8>()),
        )
        .await?;
    session
        .one(sql!(
            "SELECT value FROM settings WHERE name = 'installation'"
        ))
        .await?
        .get("value")
}

/// Writes something harmless, to see whether writing works.
pub(crate) async fn touch(session: &mut Session) -> Result<()> {
    let now = session.now().0.to_string();
    session
        .execute(
            sql!(
                "INSERT INTO settings (name, value) VALUES ('checked_at', $1) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            )
            .arg(now),
        )
        .await
        .map(drop)
}

/// True at the first call with that name in the life of this installation.
pub async fn first_time(session: &mut Session, name: &str) -> Result<bool> {
    let query = sql!(
        "INSERT INTO settings (name, value) VALUES ($1, 'done') ON CONFLICT (name) DO NOTHING"
    );
    Ok(session.execute(query.arg(format!("first:{name}"))).await? == 1)
}
