//! Snapshots of servers' disks. Use cases write what is wanted; operations write what was done, under their fence.

use domain::server::Server;
use domain::snapshot::{Snapshot, SnapshotState};
use domain::{Error, ErrorKind, OrganisationId, ProviderId, Result, ServerId, SnapshotId};

use crate::query::{Row, sql};
use crate::session::Session;

macro_rules! columns {
    () => {
        "id, organisation_id, server_id, name, cloud_name, region, image, disk_gib, size_bytes, state, error, created_at"
    };
}

/// Adds a snapshot that is to be made. Errors: `Exists` when its server has one of that name.
pub async fn create(
    session: &mut Session,
    server: &Server,
    name: &str,
    cloud_name: &str,
) -> Result<Snapshot> {
    let now = session.now();
    let row = session
        .one(
            sql!(concat!(
                "INSERT INTO snapshots (organisation_id, server_id, name, cloud_name, region, image, disk_gib, state, \
                 created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'creating', $8) RETURNING ",
                columns!()
            ))
            .arg(server.organisation_id)
            .arg(server.id)
            .arg(name)
            .arg(cloud_name)
            .arg(&server.region)
            .arg(&server.image)
            .arg(server.size.disk_gib.cast_signed())
            .arg(now),
        )
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::Exists => Error::exists(
                format!("this server has a snapshot {name:?} already; nothing was created"),
                None,
            ),
            _ => error,
        })?;
    snapshot(&row)
}

/// The organisation's snapshots.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Snapshot>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM snapshots WHERE organisation_id = $1 AND destroyed_at IS NULL ORDER BY id"
    ));
    let rows = session.all(query.arg(organisation)).await?;
    rows.iter().map(snapshot).collect()
}

/// A server's snapshots.
pub async fn of_server(
    session: &mut Session,
    organisation: OrganisationId,
    server: ServerId,
) -> Result<Vec<Snapshot>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM snapshots WHERE organisation_id = $1 AND server_id = $2 AND destroyed_at IS NULL ORDER BY id"
    ));
    let rows = session.all(query.arg(organisation).arg(server)).await?;
    rows.iter().map(snapshot).collect()
}

/// The organisation's snapshot with that key, unless it is gone.
pub async fn by_id(
    session: &mut Session,
    organisation: OrganisationId,
    id: SnapshotId,
) -> Result<Option<Snapshot>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM snapshots WHERE organisation_id = $1 AND id = $2 AND destroyed_at IS NULL"
    ));
    let row = session.optional(query.arg(organisation).arg(id)).await?;
    row.as_ref().map(snapshot).transpose()
}

/// Notes how far it is, and why it could not be made.
pub async fn set_state(
    session: &mut Session,
    id: SnapshotId,
    state: SnapshotState,
    error: Option<&str>,
) -> Result<()> {
    let query = sql!("UPDATE snapshots SET state = $1, error = $2 WHERE id = $3");
    session
        .execute(
            query
                .arg(state.as_str())
                .arg(error.map(str::to_owned))
                .arg(id),
        )
        .await
        .map(drop)
}

/// Notes that it is there, and how much room it takes.
pub async fn made(session: &mut Session, id: SnapshotId, size_bytes: Option<u64>) -> Result<()> {
    let query = sql!(
        "UPDATE snapshots SET state = 'available', error = NULL, size_bytes = COALESCE($1, size_bytes) WHERE id = $2"
    );
    session
        .execute(query.arg(size_bytes.map(u64::cast_signed)).arg(id))
        .await
        .map(drop)
}

/// It is gone.
pub async fn mark_destroyed(session: &mut Session, id: SnapshotId) -> Result<()> {
    let now = session.now();
    let query =
        sql!("UPDATE snapshots SET destroyed_at = $1 WHERE id = $2 AND destroyed_at IS NULL");
    session.execute(query.arg(now).arg(id)).await.map(drop)
}

/// A server is gone, and all of its snapshots with it.
pub async fn mark_destroyed_with(session: &mut Session, server: ServerId) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE snapshots SET destroyed_at = $1 WHERE server_id = $2 AND destroyed_at IS NULL"
    );
    session.execute(query.arg(now).arg(server)).await.map(drop)
}

/// A server is gone, and its cloud keeps what was taken of it: those that are not known to be gone tell of that, or else the
/// newest, until there is nothing left. False where none was ever known.
pub async fn outlive(session: &mut Session, server: ServerId, why: &str) -> Result<bool> {
    let living = sql!(
        "UPDATE snapshots SET state = 'failed', error = $1 WHERE server_id = $2 AND destroyed_at IS NULL"
    );
    if session.execute(living.arg(why).arg(server)).await? > 0 {
        return Ok(true);
    }
    let newest = sql!(
        "UPDATE snapshots SET state = 'failed', error = $1, destroyed_at = NULL \
         WHERE id = (SELECT MAX(n.id) FROM snapshots n WHERE n.server_id = $2)"
    );
    Ok(session.execute(newest.arg(why).arg(server)).await? > 0)
}

/// A server that is gone, of which snapshots are left at its cloud.
#[derive(Debug, Clone)]
pub struct Outlived {
    /// Its key.
    pub server: ServerId,
    /// Whose it was.
    pub organisation: OrganisationId,
    /// At which account.
    pub provider: ProviderId,
    /// In which region.
    pub region: String,
    /// What its cloud called it.
    pub cloud_id: String,
}

/// Those of every organisation.
pub async fn outlived(session: &mut Session) -> Result<Vec<Outlived>> {
    let query = sql!(
        "SELECT DISTINCT s.id, s.organisation_id, s.provider_id, s.region, s.cloud_id FROM snapshots n \
         JOIN servers s ON s.id = n.server_id WHERE n.destroyed_at IS NULL AND s.destroyed_at IS NOT NULL \
         AND s.cloud_id IS NOT NULL ORDER BY s.id"
    );
    let outlived = |row: &Row| {
        Ok(Outlived {
            server: ServerId(row.get("id")?),
            organisation: OrganisationId(row.get("organisation_id")?),
            provider: ProviderId(row.get("provider_id")?),
            region: row.get("region")?,
            cloud_id: row.get("cloud_id")?,
        })
    };
    session.all(query).await?.iter().map(outlived).collect()
}

/// Whether an account keeps some of servers that are gone.
pub async fn any_outlived_at(session: &mut Session, provider: ProviderId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM snapshots n JOIN servers s ON s.id = n.server_id WHERE s.provider_id = $1 \
         AND n.destroyed_at IS NULL AND s.destroyed_at IS NOT NULL LIMIT 1"
    );
    Ok(session.optional(query.arg(provider)).await?.is_some())
}

/// Whether a server is being made from it that is to stay.
pub async fn is_in_use(session: &mut Session, snapshot: &Snapshot) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM servers WHERE organisation_id = $1 AND snapshot_id = $2 AND setup = 'creating' \
         AND desired <> 'destroyed' AND destroyed_at IS NULL LIMIT 1"
    );
    let query = query.arg(snapshot.organisation_id).arg(snapshot.id);
    Ok(session.optional(query).await?.is_some())
}

/// Whether a server is being made, and is to stay, from a snapshot of that one.
pub async fn any_of_server_is_in_use(session: &mut Session, server: &Server) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM snapshots n JOIN servers s ON s.snapshot_id = n.id WHERE n.server_id = $1 \
         AND n.destroyed_at IS NULL AND s.organisation_id = $2 AND s.setup = 'creating' \
         AND s.desired <> 'destroyed' AND s.destroyed_at IS NULL LIMIT 1"
    );
    let query = query.arg(server.id).arg(server.organisation_id);
    Ok(session.optional(query).await?.is_some())
}

fn snapshot(row: &Row) -> Result<Snapshot> {
    Ok(Snapshot {
        id: SnapshotId(row.get("id")?),
        organisation_id: OrganisationId(row.get("organisation_id")?),
        server_id: ServerId(row.get("server_id")?),
        name: row.get("name")?,
        cloud_name: row.get("cloud_name")?,
        region: row.get("region")?,
        image: row.get("image")?,
        disk_gib: row.get::<i64>("disk_gib")?.cast_unsigned(),
        size_bytes: row
            .get::<Option<i64>>("size_bytes")?
            .map(i64::cast_unsigned),
        state: row.word("state")?,
        error: row.get("error")?,
        created_at: row.time("created_at")?,
    })
}
