//! The cloud accounts that organisations added, credentials sealed, with the last look at what each sells.

use domain::credentials::Credentials;
use domain::environment::Provider;
use domain::{OrganisationId, ProviderId, PublicId, Result, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::query::{Row, json, sql};
use crate::session::Session;

macro_rules! columns {
    () => {
        "id, public_id, organisation_id, name, kind, sealed_credentials, created_at"
    };
}

/// Adds a provider. Errors: `Exists` when the organisation has one of that name.
pub async fn create(
    session: &mut Session,
    organisation: OrganisationId,
    name: &str,
    kind: &str,
    credentials: &Credentials,
) -> Result<Provider> {
    let public_id = PublicId::random();
    let secret = SecretString::from(json(&credentials.reveal())?);
    let sealed = session.sealer().seal(&place(&public_id), &secret)?;
    let now = session.now();
    let row = session
        .one(
            sql!(concat!(
                "INSERT INTO providers (public_id, organisation_id, name, kind, sealed_credentials, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING ",
                columns!()
            ))
            .arg(&public_id)
            .arg(organisation)
            .arg(name)
            .arg(kind)
            .arg(sealed)
            .arg(now),
        )
        .await?;
    provider(session, &row)
}

/// The organisation's providers.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Provider>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM providers WHERE organisation_id = $1 AND deleted_at IS NULL ORDER BY id"
    ));
    let rows = session.all(query.arg(organisation)).await?;
    rows.iter().map(|row| provider(session, row)).collect()
}

/// How many the organisation has.
pub async fn count(session: &mut Session, organisation: OrganisationId) -> Result<i64> {
    let query = sql!(
        "SELECT COUNT(*) AS n FROM providers WHERE organisation_id = $1 AND deleted_at IS NULL"
    );
    session.one(query.arg(organisation)).await?.get("n")
}

/// All providers of all organisations, for the reconcilers: with those that were deleted after `since`, in whose accounts
/// something may have been left.
pub async fn all(session: &mut Session, since: Timestamp) -> Result<Vec<Provider>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM providers WHERE deleted_at IS NULL OR deleted_at > $1 ORDER BY id"
    ));
    let rows = session.all(query.arg(since)).await?;
    rows.iter().map(|row| provider(session, row)).collect()
}

/// The organisation's provider with that public id.
pub async fn by_public_id(
    session: &mut Session,
    organisation: OrganisationId,
    id: &PublicId,
) -> Result<Option<Provider>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM providers WHERE organisation_id = $1 AND public_id = $2 AND deleted_at IS NULL"
    ));
    let row = session.optional(query.arg(organisation).arg(id)).await?;
    row.map(|row| provider(session, &row)).transpose()
}

/// The organisation's provider of that name.
pub async fn by_name(
    session: &mut Session,
    organisation: OrganisationId,
    name: &str,
) -> Result<Option<Provider>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM providers WHERE organisation_id = $1 AND name = $2 AND deleted_at IS NULL"
    ));
    let row = session.optional(query.arg(organisation).arg(name)).await?;
    row.map(|row| provider(session, &row)).transpose()
}

/// The organisation's provider with that key.
pub async fn by_id(
    session: &mut Session,
    organisation: OrganisationId,
    id: ProviderId,
) -> Result<Provider> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM providers WHERE organisation_id = $1 AND id = $2"
    ));
    let row = session.one(query.arg(organisation).arg(id)).await?;
    provider(session, &row)
}

/// A provider of any organisation, for the operator.
pub async fn for_operator(session: &mut Session, id: &PublicId) -> Result<Option<Provider>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM providers WHERE public_id = $1 AND deleted_at IS NULL"
    ));
    let row = session.optional(query.arg(id)).await?;
    row.map(|row| provider(session, &row)).transpose()
}

/// Locks the provider against being deleted while something is made on it; false when it is gone.
pub async fn hold(
    session: &mut Session,
    organisation: OrganisationId,
    id: ProviderId,
) -> Result<bool> {
    let query = sql!(
        "UPDATE providers SET created_at = created_at \
         WHERE organisation_id = $1 AND id = $2 AND deleted_at IS NULL"
    );
    Ok(session.execute(query.arg(organisation).arg(id)).await? > 0)
}

/// Deletes a provider on which no server lives; false while one does.
pub async fn delete(
    session: &mut Session,
    organisation: OrganisationId,
    id: ProviderId,
) -> Result<bool> {
    let now = session.now();
    if !hold(session, organisation, id).await? {
        return Ok(false);
    }
    let query = sql!(
        "UPDATE providers SET deleted_at = $1 WHERE organisation_id = $2 AND id = $3 AND deleted_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM servers s WHERE s.provider_id = providers.id AND s.destroyed_at IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM environments e WHERE e.provider_id = providers.id AND e.deleted_at IS NULL)"
    );
    Ok(session
        .execute(query.arg(now).arg(organisation).arg(id))
        .await?
        > 0)
}

/// The last look at what the account sells, as JSON, and when that was.
pub async fn offer(session: &mut Session, id: ProviderId) -> Result<Option<(Value, Timestamp)>> {
    let row = session
        .one(sql!("SELECT offer, offer_at FROM providers WHERE id = $1").arg(id))
        .await?;
    let (Some(text), Some(at)) = (
        row.get::<Option<String>>("offer")?,
        row.get::<Option<i64>>("offer_at")?,
    ) else {
        return Ok(None);
    };
    Ok(serde_json::from_str(&text)
        .ok()
        .map(|offer| (offer, Timestamp(at))))
}

/// Keeps a look at what the account sells.
pub async fn put_offer(session: &mut Session, id: ProviderId, offer: &Value) -> Result<()> {
    let now = session.now();
    let query = sql!("UPDATE providers SET offer = $1, offer_at = $2 WHERE id = $3");
    session
        .execute(query.arg(json(offer)?).arg(now).arg(id))
        .await
        .map(drop)
}

/// The sealed column as it is stored, for a test that looks for secrets in it.
#[doc(hidden)]
pub async fn sealed_for_test(session: &mut Session, id: ProviderId) -> Result<Vec<u8>> {
    session
        .one(sql!("SELECT sealed_credentials FROM providers WHERE id = $1").arg(id))
        .await?
        .get("sealed_credentials")
}

fn provider(session: &Session, row: &Row) -> Result<Provider> {
    let public_id = row.word("public_id")?;
    let sealed: Vec<u8> = row.get("sealed_credentials")?;
    let opened = session.sealer().unseal(&place(&public_id), &sealed)?;
    let fields: Map<String, Value> =
        serde_json::from_str(opened.expose_secret()).unwrap_or_default();
    Ok(Provider {
        id: ProviderId(row.get("id")?),
        public_id,
        organisation_id: OrganisationId(row.get("organisation_id")?),
        name: row.get("name")?,
        kind: row.get("kind")?,
        credentials: Credentials::from_map(&fields),
        created_at: row.time("created_at")?,
    })
}

fn place(id: &PublicId) -> String {
    format!("providers.credentials/{id}")
}
