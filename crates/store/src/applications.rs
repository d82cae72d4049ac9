//! Applications.

use domain::environment::Application;
use domain::{ApplicationId, OrganisationId, PublicId, Result};

use crate::query::{Row, sql};
use crate::session::Session;

/// Adds an application. Errors: `Exists` when the organisation has one of that name.
pub async fn create(
    session: &mut Session,
    organisation: OrganisationId,
    name: &str,
    kind: &str,
    is_default: bool,
) -> Result<Application> {
    let (public_id, now) = (PublicId::random(), session.now());
    let row = session
        .one(
            sql!(
                "INSERT INTO applications (public_id, organisation_id, name, kind, is_default, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, public_id, name, kind, is_default, created_at"
            )
            .arg(&public_id)
            .arg(organisation)
            .arg(name)
            .arg(kind)
            .arg(is_default)
            .arg(now),
        )
        .await?;
    application(&row)
}

/// The organisation's applications.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Application>> {
    let query = sql!(
        "SELECT id, public_id, name, kind, is_default, created_at FROM applications \
         WHERE organisation_id = $1 AND deleted_at IS NULL ORDER BY id"
    );
    session
        .all(query.arg(organisation))
        .await?
        .iter()
        .map(application)
        .collect()
}

/// Locks an application against being deleted while an environment is made in it; false when it is gone.
pub async fn hold(
    session: &mut Session,
    organisation: OrganisationId,
    id: ApplicationId,
) -> Result<bool> {
    let query = sql!(
        "UPDATE applications SET created_at = created_at \
         WHERE organisation_id = $1 AND id = $2 AND deleted_at IS NULL"
    );
    Ok(session.execute(query.arg(organisation).arg(id)).await? > 0)
}

/// Deletes an application without environments, never the default one; false while that does not hold.
pub async fn delete(
    session: &mut Session,
    organisation: OrganisationId,
    id: ApplicationId,
) -> Result<bool> {
    if !hold(session, organisation, id).await? {
        return Ok(false);
    }
    let now = session.now();
    let query = sql!(
        "UPDATE applications SET deleted_at = $1 WHERE organisation_id = $2 AND id = $3 AND deleted_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM environments e WHERE e.application_id = applications.id AND e.deleted_at IS NULL)"
    );
    Ok(session
        .execute(query.arg(now).arg(organisation).arg(id))
        .await?
        > 0)
}

fn application(row: &Row) -> Result<Application> {
    Ok(Application {
        id: ApplicationId(row.get("id")?),
        public_id: row.word("public_id")?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        is_default: row.get("is_default")?,
        created_at: row.time("created_at")?,
    })
}
