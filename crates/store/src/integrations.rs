//! Accounts elsewhere, such as a registry's, sealed.

use domain::credentials::Credentials;
use domain::environment::Integration;
use domain::{IntegrationId, OrganisationId, PublicId, Result};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::query::{Row, json, sql};
use crate::session::Session;

/// Adds an integration. Errors: `Exists` when the organisation has one of that kind and name.
pub async fn create(
    session: &mut Session,
    organisation: OrganisationId,
    kind: &str,
    name: &str,
    meta: &Credentials,
) -> Result<Integration> {
    let public_id = PublicId::random();
    let secret = SecretString::from(json(&meta.reveal())?);
    let sealed = session.sealer().seal(&place(&public_id), &secret)?;
    let now = session.now();
    let row = session
        .one(
            sql!(
                "INSERT INTO integrations (public_id, organisation_id, kind, name, sealed_meta, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, public_id, kind, name, sealed_meta, created_at"
            )
            .arg(&public_id)
            .arg(organisation)
            .arg(kind)
            .arg(name)
            .arg(sealed)
            .arg(now),
        )
        .await?;
    integration(session, &row)
}

/// The organisation's integrations.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Integration>> {
    let query = sql!(
        "SELECT id, public_id, kind, name, sealed_meta, created_at FROM integrations \
         WHERE organisation_id = $1 AND deleted_at IS NULL ORDER BY id"
    );
    let rows = session.all(query.arg(organisation)).await?;
    rows.iter().map(|row| integration(session, row)).collect()
}

/// Deletes an integration; false when there is none.
pub async fn delete(
    session: &mut Session,
    organisation: OrganisationId,
    id: &PublicId,
) -> Result<bool> {
    let now = session.now();
    let query = sql!(
        "UPDATE integrations SET deleted_at = $1 WHERE organisation_id = $2 AND public_id = $3 AND deleted_at IS NULL"
    );
    Ok(session
        .execute(query.arg(now).arg(organisation).arg(id))
        .await?
        > 0)
}

fn integration(session: &Session, row: &Row) -> Result<Integration> {
    let public_id = row.word("public_id")?;
    let sealed: Vec<u8> = row.get("sealed_meta")?;
    let opened = session.sealer().unseal(&place(&public_id), &sealed)?;
    let fields: Map<String, Value> =
        serde_json::from_str(opened.expose_secret()).unwrap_or_default();
    Ok(Integration {
        id: IntegrationId(row.get("id")?),
        public_id,
        kind: row.get("kind")?,
        name: row.get("name")?,
        meta: Credentials::from_map(&fields),
        created_at: row.time("created_at")?,
    })
}

fn place(id: &PublicId) -> String {
    format!("integrations.meta/{id}")
}
