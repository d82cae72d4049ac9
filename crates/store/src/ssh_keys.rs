//! The public keys that an organisation keeps for its new servers.

use domain::ssh_key::SshKey;
use domain::{Error, ErrorKind, OrganisationId, Result};

use crate::query::{Row, sql};
use crate::session::Session;

/// Adds a key. Errors: `Exists` when the organisation has that key, or one of that name.
pub async fn create(
    session: &mut Session,
    organisation: OrganisationId,
    name: &str,
    public_key: &str,
    fingerprint: &str,
) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "INSERT INTO ssh_keys (organisation_id, name, public_key, fingerprint, created_at) VALUES ($1, $2, $3, $4, $5)"
    );
    session
        .execute(
            query
                .arg(organisation)
                .arg(name)
                .arg(public_key)
                .arg(fingerprint)
                .arg(now),
        )
        .await
        .map(drop)
        .map_err(|error| {
            taken(
                error,
                "that key, or one of that name, is there already; nothing was added",
            )
        })
}

/// The organisation's keys, by name.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<SshKey>> {
    let query = sql!(
        "SELECT name, public_key, fingerprint, created_at FROM ssh_keys WHERE organisation_id = $1 ORDER BY name"
    );
    let rows = session.all(query.arg(organisation)).await?;
    rows.iter().map(key).collect()
}

/// Renames a key; false when there is none of that fingerprint. Errors: `Exists` when another has the name.
pub async fn rename(
    session: &mut Session,
    organisation: OrganisationId,
    fingerprint: &str,
    name: &str,
) -> Result<bool> {
    let query =
        sql!("UPDATE ssh_keys SET name = $1 WHERE organisation_id = $2 AND fingerprint = $3");
    session
        .execute(query.arg(name).arg(organisation).arg(fingerprint))
        .await
        .map(|changed| changed > 0)
        .map_err(|error| taken(error, "another key has that name; nothing was changed"))
}

/// Forgets a key; false when there is none of that fingerprint. Servers that let it in go on doing so.
pub async fn remove(
    session: &mut Session,
    organisation: OrganisationId,
    fingerprint: &str,
) -> Result<bool> {
    let query = sql!("DELETE FROM ssh_keys WHERE organisation_id = $1 AND fingerprint = $2");
    let removed = session
        .execute(query.arg(organisation).arg(fingerprint))
        .await?;
    Ok(removed > 0)
}

fn taken(error: Error, message: &'static str) -> Error {
    if error.kind() == ErrorKind::Exists {
        Error::exists(message, None)
    } else {
        error
    }
}

fn key(row: &Row) -> Result<SshKey> {
    Ok(SshKey {
        name: row.get("name")?,
        public_key: row.get("public_key")?,
        fingerprint: row.get("fingerprint")?,
        created_at: row.time("created_at")?,
    })
}
