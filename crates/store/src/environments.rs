//! Environments.

use domain::environment::Environment;
use domain::{
    ApplicationId, EnvironmentId, OrganisationId, ProviderId, PublicId, Result, ServerId, UserId,
};

use crate::query::{Row, json, sql};
use crate::session::Session;

macro_rules! columns {
    () => {
        "id, public_id, organisation_id, application_id, provider_id, name, region, integrations, deleting, created_at"
    };
}

/// An environment to be added.
pub struct NewEnvironment<'a> {
    /// Whose.
    pub organisation_id: OrganisationId,
    /// In which application.
    pub application_id: ApplicationId,
    /// On which provider.
    pub provider_id: ProviderId,
    /// Unique within the application.
    pub name: &'a str,
    /// In which region.
    pub region: &'a str,
    /// The integrations that it uses.
    pub integrations: &'a [PublicId],
}

/// Adds an environment. Errors: `Exists` when the application has one of that name.
pub async fn create(session: &mut Session, new: &NewEnvironment<'_>) -> Result<Environment> {
    let (public_id, now) = (PublicId::random(), session.now());
    let row = session
        .one(
            sql!(concat!(
                "INSERT INTO environments (public_id, organisation_id, application_id, provider_id, name, region, \
                 integrations, deleting, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8) RETURNING ",
                columns!()
            ))
            .arg(&public_id)
            .arg(new.organisation_id)
            .arg(new.application_id)
            .arg(new.provider_id)
            .arg(new.name)
            .arg(new.region)
            .arg(json(&new.integrations)?)
            .arg(now),
        )
        .await?;
    environment(&row)
}

/// The environment of the servers that were asked for one by one, on that provider in that region: the one that is there,
/// or a new one called `servers-REGION`. It is locked until the session ends, so that it does not go with its last server
/// meanwhile.
pub async fn of_single_servers(
    session: &mut Session,
    organisation: OrganisationId,
    application: ApplicationId,
    provider: ProviderId,
    region: &str,
) -> Result<Environment> {
    let mut number = 0;
    loop {
        number += 1;
        let query = sql!(concat!(
            "UPDATE environments SET deleting = deleting WHERE provider_id = $1 AND region = $2 AND is_of_singles \
             AND NOT deleting AND deleted_at IS NULL RETURNING ",
            columns!()
        ));
        if let Some(row) = session.optional(query.arg(provider).arg(region)).await? {
            return environment(&row);
        }
        // The name may be another environment's, or another request has made this very one: then look again.
        let name = match number {
            1 => format!("servers-{region}"),
            _ => format!("servers-{region}-{number}"),
        };
        let (public_id, now) = (PublicId::random(), session.now());
        let query = sql!(concat!(
            "INSERT INTO environments (public_id, organisation_id, application_id, provider_id, name, region, \
             integrations, deleting, is_of_singles, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, '[]', FALSE, TRUE, $7) ON CONFLICT DO NOTHING RETURNING ",
            columns!()
        ));
        let query = query
            .arg(&public_id)
            .arg(organisation)
            .arg(application)
            .arg(provider)
            .arg(&name)
            .arg(region)
            .arg(now);
        if let Some(row) = session.optional(query).await? {
            return environment(&row);
        }
    }
}

/// The organisation's environments.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Environment>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM environments WHERE organisation_id = $1 AND deleted_at IS NULL ORDER BY id"
    ));
    session
        .all(query.arg(organisation))
        .await?
        .iter()
        .map(environment)
        .collect()
}

/// The organisation's environment with that public id.
pub async fn by_public_id(
    session: &mut Session,
    organisation: OrganisationId,
    id: &PublicId,
) -> Result<Option<Environment>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM environments WHERE organisation_id = $1 AND public_id = $2 AND deleted_at IS NULL"
    ));
    session
        .optional(query.arg(organisation).arg(id))
        .await?
        .as_ref()
        .map(environment)
        .transpose()
}

/// The environment of that name in an application.
pub async fn by_name(
    session: &mut Session,
    organisation: OrganisationId,
    application: ApplicationId,
    name: &str,
) -> Result<Option<Environment>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM environments WHERE organisation_id = $1 AND application_id = $2 AND name = $3 AND deleted_at IS NULL"
    ));
    let row = session
        .optional(query.arg(organisation).arg(application).arg(name))
        .await?;
    row.as_ref().map(environment).transpose()
}

/// The public id of an environment, also of one that is gone.
pub async fn public_id(session: &mut Session, id: EnvironmentId) -> Result<Option<PublicId>> {
    let query = sql!("SELECT public_id FROM environments WHERE id = $1");
    let row = session.optional(query.arg(id)).await?;
    row.map(|row| row.word("public_id")).transpose()
}

/// An environment of any organisation with its organisation's first user, for the operator.
pub async fn for_operator(
    session: &mut Session,
    id: &PublicId,
) -> Result<Option<(Environment, UserId)>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        ", (SELECT MIN(u.id) FROM users u WHERE u.organisation_id = environments.organisation_id) AS owner \
         FROM environments WHERE public_id = $1 AND deleted_at IS NULL AND NOT deleting"
    ));
    let row = session.optional(query.arg(id)).await?;
    row.map(|row| Ok((environment(&row)?, UserId(row.get("owner")?))))
        .transpose()
}

/// Locks an environment against changes by others until the session ends, and after it the operations of its servers in
/// the order in which all lock them: whoever changes many of them would otherwise meet a worker half-way. `None` when
/// it is gone.
pub async fn lock(
    session: &mut Session,
    organisation: OrganisationId,
    id: EnvironmentId,
) -> Result<Option<Environment>> {
    let query = sql!(concat!(
        "UPDATE environments SET deleting = deleting \
         WHERE organisation_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING ",
        columns!()
    ));
    let row = session.optional(query.arg(organisation).arg(id)).await?;
    crate::operations::hold_of_environment(session, id).await?;
    row.as_ref().map(environment).transpose()
}

/// Locks an environment's row until the session ends.
pub async fn hold(session: &mut Session, id: EnvironmentId) -> Result<()> {
    session
        .execute(sql!("UPDATE environments SET deleting = deleting WHERE id = $1").arg(id))
        .await
        .map(drop)
}

/// Notes that an environment is to go.
pub async fn mark_deleting(
    session: &mut Session,
    organisation: OrganisationId,
    id: EnvironmentId,
) -> Result<()> {
    let query =
        sql!("UPDATE environments SET deleting = TRUE WHERE organisation_id = $1 AND id = $2");
    session
        .execute(query.arg(organisation).arg(id))
        .await
        .map(drop)
}

/// Whether it is that of single servers, which goes with the last of them.
pub async fn is_of_singles(session: &mut Session, id: EnvironmentId) -> Result<bool> {
    let query = sql!("SELECT 1 AS one FROM environments WHERE id = $1 AND is_of_singles");
    Ok(session.optional(query.arg(id)).await?.is_some())
}

/// Whether an environment ends with this server: it is to go, and none of its other servers is at a cloud any more, nor comes
/// back to one: what was lost may. That of single servers is to go from then on: who asks for another one gets another
/// environment. The caller holds its row.
pub async fn ends_with(session: &mut Session, id: EnvironmentId, server: ServerId) -> Result<bool> {
    let query = sql!(
        "UPDATE environments SET deleting = TRUE WHERE id = $1 AND (deleting OR is_of_singles) AND NOT EXISTS \
         (SELECT 1 FROM servers s WHERE s.environment_id = environments.id AND s.id <> $2 AND s.destroyed_at IS NULL \
         AND NOT (s.power = 'terminated' AND s.desired = 'destroyed'))"
    );
    Ok(session.execute(query.arg(id).arg(server)).await? > 0)
}

/// Lets an environment go in which no server lives any more, where it was to go or is that of single servers. The caller
/// holds its row, so that of two servers that end at once the second sees the first.
pub async fn finish_deleting(session: &mut Session, id: EnvironmentId) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE environments SET deleted_at = $1 WHERE id = $2 AND (deleting OR is_of_singles) AND deleted_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM servers s WHERE s.environment_id = environments.id AND s.destroyed_at IS NULL)"
    );
    session.execute(query.arg(now).arg(id)).await.map(drop)
}

/// Those that are to go and have no server any more: all that is left of them is what their clouds keep for them.
pub async fn ended(session: &mut Session) -> Result<Vec<Environment>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM environments WHERE deleting AND deleted_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM servers s WHERE s.environment_id = environments.id AND s.destroyed_at IS NULL) ORDER BY id"
    ));
    let rows = session.all(query).await?;
    rows.iter().map(environment).collect()
}

fn environment(row: &Row) -> Result<Environment> {
    Ok(Environment {
        id: EnvironmentId(row.get("id")?),
        public_id: row.word("public_id")?,
        organisation_id: OrganisationId(row.get("organisation_id")?),
        application_id: ApplicationId(row.get("application_id")?),
        provider_id: ProviderId(row.get("provider_id")?),
        name: row.get("name")?,
        region: row.get("region")?,
        integrations: row.json("integrations")?,
        deleting: row.get("deleting")?,
        created_at: row.time("created_at")?,
    })
}
