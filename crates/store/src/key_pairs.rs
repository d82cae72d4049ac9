//! The SSH key pairs of organisations, private halves sealed.

use domain::account::{KeyPair, KeyPurpose};
use domain::{OrganisationId, Result};

use crate::query::sql;
use crate::session::Session;

/// Adds a pair; an organisation has one for each purpose.
pub async fn create(
    session: &mut Session,
    organisation: OrganisationId,
    pair: &KeyPair,
) -> Result<()> {
    let sealed = session
        .sealer()
        .seal(&place(&pair.public_id), &pair.private_key)?;
    let now = session.now();
    session
        .execute(
            sql!(
                "INSERT INTO key_pairs (public_id, organisation_id, purpose, name, public_key, fingerprint, \
                 sealed_private_key, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            )
            .arg(&pair.public_id)
            .arg(organisation)
            .arg(pair.purpose.as_str())
            .arg(&pair.name)
            .arg(&pair.public_key)
            .arg(&pair.fingerprint)
            .arg(sealed)
            .arg(now),
        )
        .await
        .map(drop)
}

/// The organisation's pair for a purpose.
pub async fn by_purpose(
    session: &mut Session,
    organisation: OrganisationId,
    purpose: KeyPurpose,
) -> Result<KeyPair> {
    let row = session
        .one(
            sql!(
                "SELECT public_id, name, public_key, fingerprint, sealed_private_key FROM key_pairs \
                 WHERE organisation_id = $1 AND purpose = $2"
            )
            .arg(organisation)
            .arg(purpose.as_str()),
        )
        .await?;
    let public_id = row.word("public_id")?;
    let sealed: Vec<u8> = row.get("sealed_private_key")?;
    Ok(KeyPair {
        private_key: session.sealer().unseal(&place(&public_id), &sealed)?,
        public_id,
        purpose,
        name: row.get("name")?,
        public_key: row.get("public_key")?,
        fingerprint: row.get("fingerprint")?,
    })
}

/// The public keys of an organisation's pairs for these two purposes, in this order. What is secret stays sealed.
pub async fn public_keys(
    session: &mut Session,
    organisation: OrganisationId,
    purposes: [KeyPurpose; 2],
) -> Result<Vec<String>> {
    let [first, second] = purposes.map(KeyPurpose::as_str);
    let query = sql!(
        "SELECT public_key FROM key_pairs WHERE organisation_id = $1 AND purpose IN ($2, $3) \
         ORDER BY CASE WHEN purpose = $2 THEN 0 ELSE 1 END"
    );
    let query = query.arg(organisation).arg(first).arg(second);
    let rows = session.all(query).await?;
    rows.iter().map(|row| row.get("public_key")).collect()
}

fn place(id: &domain::PublicId) -> String {
    format!("key_pairs.private_key/{id}")
}
