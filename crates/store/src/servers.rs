//! Servers: what was asked for beside what their clouds last showed.
//!
//! Use cases write what is wanted; operations write what was done, under their fence; reconcilers write what is seen.

use domain::account::Actor;
use domain::environment::Environment;
use domain::operation::OperationKind;
use domain::server::{Desired, Power, Server, Setup, Size};
use domain::{
    EnvironmentId, Error, ErrorKind, Image, Money, OperationId, OrganisationId, Plan, ProviderId,
    PublicId, Result, ServerId, SnapshotId, Timestamp, UserId,
};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::query::{Row, json, sql};
use crate::session::Session;

macro_rules! columns {
    () => {
        "id, public_id, organisation_id, environment_id, provider_id, region, name, cloud_name, token, cloud_id, \
         plan, image, login_user, packages, tags, desired, power, setup, error, public_ip, private_ip, host_key, \
         deleted_name, hostname, public_keys, cpus, memory_mib, disk_gib, bandwidth_tb, hourly, monthly, netmask, gateway, \
         public_ipv6, snapshot_id, suspended, created_by, created_at"
    };
}

/// A server to be added.
pub struct NewServer<'a> {
    /// In which environment.
    pub environment_id: Option<EnvironmentId>,
    /// On which provider.
    pub provider_id: ProviderId,
    /// In which region.
    pub region: &'a str,
    /// Unique within the environment.
    pub name: &'a str,
    /// Unique among the organisation's living servers: see [`cloud_name_is_taken`].
    pub cloud_name: &'a str,
    /// What the create will be found again by.
    pub token: &'a str,
    /// Its plan, and so its size.
    pub plan: &'a Plan,
    /// The image's slug.
    pub image: &'a str,
    /// The image's login.
    pub login_user: &'a str,
    /// What its system calls itself.
    pub hostname: &'a str,
    /// The owner's public keys.
    pub public_keys: &'a [String],
    /// The owner's own cloud-init user data.
    pub user_data: Option<&'a SecretString>,
    /// The snapshot that it is made from.
    pub snapshot_id: Option<SnapshotId>,
    /// The packages to install.
    pub packages: &'a [String],
    /// Labels.
    pub tags: &'a Map<String, Value>,
}

/// What a cloud showed of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The cloud's id.
    pub cloud_id: Option<String>,
    /// What it is doing.
    pub power: Power,
    /// Where others reach it.
    pub public_ip: Option<String>,
    /// Where its neighbours reach it.
    pub private_ip: Option<String>,
    /// The netmask of its IPv4 address.
    pub netmask: Option<String>,
    /// The way out of its IPv4 network.
    pub gateway: Option<String>,
    /// Its global IPv6 address.
    pub public_ipv6: Option<String>,
}

/// What is to be done to a server, and is not over.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Its operation.
    pub id: OperationId,
    /// What.
    pub kind: OperationKind,
    /// What it was asked for beyond its kind.
    pub input: Value,
}

// === impl Sight ===

impl Sight {
    /// Nothing was shown but what it is doing.
    pub fn of(power: Power) -> Self {
        Self {
            cloud_id: None,
            power,
            public_ip: None,
            private_ip: None,
            netmask: None,
            gateway: None,
            public_ipv6: None,
        }
    }
}

/// Adds a server. Errors: `Exists` when its environment has a node of that name, or the cloud name is taken.
pub async fn create(session: &mut Session, actor: &Actor, new: &NewServer<'_>) -> Result<Server> {
    let (public_id, now) = (PublicId::random(), session.now());
    let size = Size::from(new.plan);
    let user_data = match new.user_data {
        Some(user_data) => Some(
            session
                .sealer()
                .seal(&user_data_place(new.token), user_data)?,
        ),
        None => None,
    };
    let row = session
        .one(
            sql!(concat!(
                "INSERT INTO servers (public_id, organisation_id, environment_id, provider_id, region, name, \
                 cloud_name, token, plan, image, login_user, packages, tags, desired, power, setup, created_by, \
                 created_at, changed_at, hostname, public_keys, sealed_user_data, cpus, memory_mib, disk_gib, \
                 bandwidth_tb, snapshot_id, hourly, monthly) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'running', \
                 'pending', 'creating', $14, $15, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25) RETURNING ",
                columns!()
            ))
            .arg(&public_id)
            .arg(actor.organisation.id)
            .arg(new.environment_id)
            .arg(new.provider_id)
            .arg(new.region)
            .arg(new.name)
            .arg(new.cloud_name)
            .arg(new.token)
            .arg(&new.plan.slug)
            .arg(new.image)
            .arg(new.login_user)
            .arg(json(&new.packages)?)
            .arg(json(&new.tags)?)
            .arg(actor.user_id)
            .arg(now)
            .arg(new.hostname)
            .arg(json(&new.public_keys)?)
            .arg(user_data)
            .arg(i64::from(size.cpus))
            .arg(size.memory_mib.cast_signed())
            .arg(size.disk_gib.cast_signed())
            .arg(i64::from(size.bandwidth_tb))
            .arg(new.snapshot_id)
            .arg(new.plan.hourly.0)
            .arg(new.plan.monthly.0),
        )
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::Exists => Error::exists(format!("there is a server {:?} here already", new.name), None),
            _ => error,
        })?;
    server(&row)
}

fn user_data_place(token: &str) -> String {
    format!("servers.user_data/{token}")
}

/// The owner's own cloud-init user data of a server.
pub async fn user_data(session: &mut Session, server: &Server) -> Result<Option<SecretString>> {
    let query = sql!("SELECT sealed_user_data FROM servers WHERE id = $1");
    let row = session.one(query.arg(server.id)).await?;
    let sealed: Option<Vec<u8>> = row.get("sealed_user_data")?;
    sealed
        .map(|sealed| {
            session
                .sealer()
                .unseal(&user_data_place(&server.token), &sealed)
        })
        .transpose()
}

/// An instance that becomes a server as it is.
pub struct Adopted<'a> {
    /// Into which environment.
    pub environment: &'a Environment,
    /// In whose name.
    pub owner: UserId,
    /// The node's name.
    pub name: &'a str,
    /// Its name at the cloud.
    pub cloud_name: &'a str,
    /// Its token from now on.
    pub token: &'a str,
    /// The cloud's id.
    pub cloud_id: &'a str,
}

/// Adds a server for an instance that exists. Plan and image are unknown and stay empty.
pub async fn adopt(session: &mut Session, adopted: &Adopted<'_>) -> Result<Server> {
    let (public_id, now) = (PublicId::random(), session.now());
    let row = session
        .one(
            sql!(concat!(
                "INSERT INTO servers (public_id, organisation_id, environment_id, provider_id, region, name, \
                 cloud_name, token, cloud_id, plan, image, login_user, packages, tags, desired, power, setup, \
                 created_by, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 'root', \
                 '[]', '{}', 'running', 'pending', 'ready', $10, $11, $11) RETURNING ",
                columns!()
            ))
            .arg(&public_id)
            .arg(adopted.environment.organisation_id)
            .arg(adopted.environment.id)
            .arg(adopted.environment.provider_id)
            .arg(&adopted.environment.region)
            .arg(adopted.name)
            .arg(adopted.cloud_name)
            .arg(adopted.token)
            .arg(adopted.cloud_id)
            .arg(adopted.owner)
            .arg(now),
        )
        .await?;
    server(&row)
}

/// Whether a living server of that account, or of any account of that kind where none is named, is that instance.
pub async fn is_managed(
    session: &mut Session,
    kind: &str,
    account: Option<ProviderId>,
    region: &str,
    cloud_id: &str,
) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM servers s JOIN providers p ON p.id = s.provider_id WHERE p.kind = $1 \
         AND (p.id = $2 OR $3) AND s.region = $4 AND s.cloud_id = $5 AND s.destroyed_at IS NULL"
    );
    let query = query
        .arg(kind)
        .arg(account.map_or(0, |account| account.0))
        .arg(account.is_none())
        .arg(region)
        .arg(cloud_id);
    Ok(session.optional(query).await?.is_some())
}

/// Whether a living server has that name at its cloud: one of the same organisation, and of anybody in the operator's
/// regions, which all share. What others have on accounts of their own makes no difference.
pub async fn cloud_name_is_taken(
    session: &mut Session,
    organisation: OrganisationId,
    provider: ProviderId,
    cloud_name: &str,
) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM servers s JOIN providers p ON p.id = s.provider_id \
         WHERE s.cloud_name = $1 AND s.destroyed_at IS NULL AND (s.organisation_id = $2 OR (p.kind = 'arcus' \
         AND EXISTS (SELECT 1 FROM providers own WHERE own.id = $3 AND own.kind = 'arcus'))) LIMIT 1"
    );
    let query = query.arg(cloud_name).arg(organisation).arg(provider);
    Ok(session.optional(query).await?.is_some())
}

/// The organisation's living servers.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Server>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM servers WHERE organisation_id = $1 AND destroyed_at IS NULL ORDER BY id"
    ));
    session
        .all(query.arg(organisation))
        .await?
        .iter()
        .map(server)
        .collect()
}

/// An environment's living servers.
pub async fn of_environment(
    session: &mut Session,
    organisation: OrganisationId,
    environment: EnvironmentId,
) -> Result<Vec<Server>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM servers WHERE organisation_id = $1 AND environment_id = $2 AND destroyed_at IS NULL ORDER BY id"
    ));
    session
        .all(query.arg(organisation).arg(environment))
        .await?
        .iter()
        .map(server)
        .collect()
}

/// The lists of packages that an environment's servers have, each once; those that are on their way out have none.
pub async fn package_lists(
    session: &mut Session,
    environment: EnvironmentId,
) -> Result<Vec<Vec<String>>> {
    let query = sql!(
        "SELECT DISTINCT packages FROM servers WHERE environment_id = $1 AND destroyed_at IS NULL \
         AND desired <> 'destroyed'"
    );
    let rows = session.all(query.arg(environment)).await?;
    rows.iter().map(|row| row.json("packages")).collect()
}

/// Whether a server of an environment was ever made at its cloud.
pub async fn any_is_made(session: &mut Session, environment: EnvironmentId) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM servers WHERE environment_id = $1 AND cloud_id IS NOT NULL LIMIT 1"
    );
    Ok(session.optional(query.arg(environment)).await?.is_some())
}

/// The organisation's living server with that public id.
pub async fn by_public_id(
    session: &mut Session,
    organisation: OrganisationId,
    id: &PublicId,
) -> Result<Option<Server>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM servers WHERE organisation_id = $1 AND public_id = $2 AND destroyed_at IS NULL"
    ));
    session
        .optional(query.arg(organisation).arg(id))
        .await?
        .as_ref()
        .map(server)
        .transpose()
}

/// The organisation's server with that key, destroyed or not.
pub async fn by_id(
    session: &mut Session,
    organisation: OrganisationId,
    id: ServerId,
) -> Result<Server> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM servers WHERE organisation_id = $1 AND id = $2"
    ));
    server(&session.one(query.arg(organisation).arg(id)).await?)
}

/// Up to 500 living servers of one account in one region, after a key: `None` is the house.
pub async fn page_of_account(
    session: &mut Session,
    provider: Option<ProviderId>,
    region: &str,
    after: ServerId,
) -> Result<Vec<Server>> {
    let rows = if let Some(provider) = provider {
        let query = sql!(concat!(
            "SELECT ",
            columns!(),
            " FROM servers WHERE provider_id = $1 AND region = $2 AND destroyed_at IS NULL AND id > $3 \
                 ORDER BY id LIMIT 500"
        ));
        session
            .all(query.arg(provider).arg(region).arg(after))
            .await?
    } else {
        let query = sql!(concat!(
            "SELECT ",
            columns!(),
            " FROM servers WHERE region = $1 AND destroyed_at IS NULL AND id > $2 AND EXISTS \
                 (SELECT 1 FROM providers p WHERE p.id = servers.provider_id AND p.kind = 'arcus') \
                 ORDER BY id LIMIT 500"
        ));
        session.all(query.arg(region).arg(after)).await?
    };
    rows.iter().map(server).collect()
}

/// The server whose create bore that token, destroyed or not.
pub async fn by_token(session: &mut Session, token: &str) -> Result<Option<Server>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM servers WHERE token = $1"
    ));
    session
        .optional(query.arg(token))
        .await?
        .as_ref()
        .map(server)
        .transpose()
}

/// The regions of a provider in which servers live, or did since `since`: what a crash left of them is there.
pub async fn regions_of_provider(
    session: &mut Session,
    provider: ProviderId,
    since: Timestamp,
) -> Result<Vec<String>> {
    let query = sql!(
        "SELECT DISTINCT region FROM servers WHERE provider_id = $1 \
         AND (destroyed_at IS NULL OR destroyed_at > $2) ORDER BY region"
    );
    session
        .all(query.arg(provider).arg(since))
        .await?
        .iter()
        .map(|row| row.get("region"))
        .collect()
}

/// Whether a server lives in one of the operator's regions.
pub async fn any_in_house_region(session: &mut Session, region: &str) -> Result<bool> {
    let query = sql!(
        "SELECT 1 AS one FROM servers s JOIN providers p ON p.id = s.provider_id \
         WHERE s.region = $1 AND s.destroyed_at IS NULL AND p.kind = 'arcus' LIMIT 1"
    );
    Ok(session.optional(query.arg(region)).await?.is_some())
}

/// Says what the owner wants.
pub async fn want(session: &mut Session, id: ServerId, desired: Desired) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE servers SET desired = $1, changed_at = $2 WHERE id = $3 AND desired <> 'destroyed'"
    );
    session
        .execute(query.arg(desired.as_str()).arg(now).arg(id))
        .await
        .map(drop)
}

/// Notes what the cloud showed; what was not shown but the power stays as it was, but for the way out of a network that the
/// server has left.
pub async fn observe(session: &mut Session, id: ServerId, sight: &Sight) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE servers SET cloud_id = COALESCE($1, cloud_id), power = $2, public_ip = COALESCE($3, public_ip), \
         private_ip = COALESCE($4, private_ip), netmask = COALESCE($5, netmask), gateway = COALESCE($6, CASE WHEN COALESCE($3, public_ip) = public_ip THEN gateway END), \
         public_ipv6 = COALESCE($7, public_ipv6), changed_at = $8 WHERE id = $9 AND destroyed_at IS NULL"
    );
    session
        .execute(
            query
                .arg(sight.cloud_id.clone())
                .arg(sight.power.as_str())
                .arg(sight.public_ip.clone())
                .arg(sight.private_ip.clone())
                .arg(sight.netmask.clone())
                .arg(sight.gateway.clone())
                .arg(sight.public_ipv6.clone())
                .arg(now)
                .arg(id),
        )
        .await
        .map(drop)
}

/// Notes how far the packages are, and what is wrong.
pub async fn set_setup(
    session: &mut Session,
    id: ServerId,
    setup: Setup,
    error: Option<&str>,
) -> Result<()> {
    let now = session.now();
    let query = sql!("UPDATE servers SET setup = $1, error = $2, changed_at = $3 WHERE id = $4");
    session
        .execute(
            query
                .arg(setup.as_str())
                .arg(error.map(str::to_owned))
                .arg(now)
                .arg(id),
        )
        .await
        .map(drop)
}

/// Pins the host key that was seen at the first contact; a later one never replaces it.
pub async fn pin_host_key(session: &mut Session, id: ServerId, host_key: &str) -> Result<()> {
    let query = sql!("UPDATE servers SET host_key = $1 WHERE id = $2 AND host_key IS NULL");
    session.execute(query.arg(host_key).arg(id)).await.map(drop)
}

/// Stores the name that the server will bear at the cloud when it is destroyed; the first one stays.
pub async fn set_deleted_name(session: &mut Session, id: ServerId, name: &str) -> Result<String> {
    let query = sql!(
        "UPDATE servers SET deleted_name = COALESCE(deleted_name, $1) WHERE id = $2 RETURNING deleted_name"
    );
    session
        .one(query.arg(name).arg(id))
        .await?
        .get("deleted_name")
}

/// It has another plan now.
pub async fn set_plan(session: &mut Session, id: ServerId, plan: &Plan) -> Result<()> {
    let now = session.now();
    let size = Size::from(plan);
    let query = sql!(
        "UPDATE servers SET plan = $1, cpus = $2, memory_mib = $3, disk_gib = $4, bandwidth_tb = $5, changed_at = $6, \
         hourly = $7, monthly = $8 WHERE id = $9"
    );
    session
        .execute(
            query
                .arg(&plan.slug)
                .arg(i64::from(size.cpus))
                .arg(size.memory_mib.cast_signed())
                .arg(size.disk_gib.cast_signed())
                .arg(i64::from(size.bandwidth_tb))
                .arg(now)
                .arg(plan.hourly.0)
                .arg(plan.monthly.0)
                .arg(id),
        )
        .await
        .map(drop)
}

/// It has another system now, with these packages, whose host key nobody has seen.
pub async fn set_image(
    session: &mut Session,
    id: ServerId,
    image: &Image,
    packages: &[String],
) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE servers SET image = $1, login_user = $2, packages = $3, host_key = NULL, changed_at = $4 WHERE id = $5"
    );
    session
        .execute(
            query
                .arg(&image.slug)
                .arg(&image.login_user)
                .arg(json(&packages)?)
                .arg(now)
                .arg(id),
        )
        .await
        .map(drop)
}

/// Its labels are these now.
pub async fn set_tags(
    session: &mut Session,
    id: ServerId,
    tags: &Map<String, Value>,
) -> Result<()> {
    let now = session.now();
    let query = sql!("UPDATE servers SET tags = $1, changed_at = $2 WHERE id = $3");
    session
        .execute(query.arg(json(tags)?).arg(now).arg(id))
        .await
        .map(drop)
}

/// What is to be done to a server, in the order in which it is done.
pub async fn pending(session: &mut Session, id: ServerId) -> Result<Vec<Pending>> {
    let query = sql!(
        "SELECT id, kind, input FROM operations WHERE server_id = $1 AND status IN ('queued', 'running') ORDER BY id"
    );
    let rows = session.all(query.arg(id)).await?;
    let pending = rows.iter().map(|row| {
        Ok(Pending {
            id: OperationId(row.get("id")?),
            kind: row.word("kind")?,
            input: row.json("input")?,
        })
    });
    pending.collect()
}

/// The organisation's living server with that key, locked until the session ends.
pub async fn lock(
    session: &mut Session,
    organisation: OrganisationId,
    id: ServerId,
) -> Result<Option<Server>> {
    let query = sql!(concat!(
        "UPDATE servers SET changed_at = changed_at WHERE organisation_id = $1 AND id = $2 AND destroyed_at IS NULL \
         RETURNING ",
        columns!()
    ));
    session
        .optional(query.arg(organisation).arg(id))
        .await?
        .as_ref()
        .map(server)
        .transpose()
}

/// The organisation's living server with that key.
pub async fn living(
    session: &mut Session,
    organisation: OrganisationId,
    id: ServerId,
) -> Result<Option<Server>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM servers WHERE organisation_id = $1 AND id = $2 AND destroyed_at IS NULL"
    ));
    session
        .optional(query.arg(organisation).arg(id))
        .await?
        .as_ref()
        .map(server)
        .transpose()
}

/// The cloud says that it is gone.
pub async fn mark_destroyed(session: &mut Session, id: ServerId) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE servers SET power = 'terminated', desired = 'destroyed', destroyed_at = $1, changed_at = $1 \
         WHERE id = $2 AND destroyed_at IS NULL"
    );
    session.execute(query.arg(now).arg(id)).await.map(drop)
}

/// How many servers live, for the metrics.
pub async fn count_living(session: &mut Session) -> Result<i64> {
    session
        .one(sql!(
            "SELECT COUNT(*) AS n FROM servers WHERE destroyed_at IS NULL"
        ))
        .await?
        .get("n")
}

fn server(row: &Row) -> Result<Server> {
    Ok(Server {
        id: ServerId(row.get("id")?),
        public_id: row.word("public_id")?,
        organisation_id: OrganisationId(row.get("organisation_id")?),
        environment_id: row.get::<Option<i64>>("environment_id")?.map(EnvironmentId),
        provider_id: ProviderId(row.get("provider_id")?),
        region: row.get("region")?,
        name: row.get("name")?,
        cloud_name: row.get("cloud_name")?,
        token: row.get("token")?,
        cloud_id: row.get("cloud_id")?,
        plan: row.get("plan")?,
        image: row.get("image")?,
        login_user: row.get("login_user")?,
        packages: row.json("packages")?,
        tags: row.json("tags")?,
        desired: row.word("desired")?,
        power: row.word("power")?,
        setup: row.word("setup")?,
        error: row.get("error")?,
        public_ip: row.get("public_ip")?,
        private_ip: row.get("private_ip")?,
        host_key: row.get("host_key")?,
        deleted_name: row.get("deleted_name")?,
        hostname: row.get("hostname")?,
        public_keys: row.json("public_keys")?,
        size: Size {
            cpus: row.count("cpus")?,
            memory_mib: row.get::<i64>("memory_mib")?.cast_unsigned(),
            disk_gib: row.get::<i64>("disk_gib")?.cast_unsigned(),
            bandwidth_tb: row.count("bandwidth_tb")?,
        },
        hourly: Money(row.get("hourly")?),
        monthly: Money(row.get("monthly")?),
        netmask: row.get("netmask")?,
        gateway: row.get("gateway")?,
        public_ipv6: row.get("public_ipv6")?,
        snapshot_id: row.get::<Option<i64>>("snapshot_id")?.map(SnapshotId),
        suspended: row.get("suspended")?,
        created_by: UserId(row.get("created_by")?),
        created_at: row.time("created_at")?,
    })
}
