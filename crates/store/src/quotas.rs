//! Quotas: what an organisation may have in the operator's regions, what it has, and what of a region is sold.
//!
//! Called by `control::quota` and `control::capacity`, under the lock of the organisation's balance or of the region.

use domain::quota::{Amounts, Overrides};
use domain::server::Size;
use domain::{Money, OrganisationId, Plan, Result, ServerId};

use crate::query::{Row, sql};
use crate::session::Session;

/// The organisation's own limits.
pub async fn overrides(session: &mut Session, organisation: OrganisationId) -> Result<Overrides> {
    let query = sql!(
        "SELECT servers, cpus, memory_mib, disk_gib, snapshots FROM quotas WHERE organisation_id = $1"
    );
    let Some(row) = session.optional(query.arg(organisation)).await? else {
        return Ok(Overrides::default());
    };
    let limit = |column| Ok(row.get::<Option<i64>>(column)?.map(i64::cast_unsigned));
    Ok(Overrides {
        servers: limit("servers")?,
        cpus: limit("cpus")?,
        memory_mib: limit("memory_mib")?,
        disk_gib: limit("disk_gib")?,
        snapshots: limit("snapshots")?,
    })
}

/// Gives an organisation limits of its own.
pub async fn set(
    session: &mut Session,
    organisation: OrganisationId,
    overrides: &Overrides,
) -> Result<()> {
    let query = sql!(
        "INSERT INTO quotas (organisation_id, servers, cpus, memory_mib, disk_gib, snapshots) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organisation_id) DO UPDATE SET servers = excluded.servers, \
         cpus = excluded.cpus, memory_mib = excluded.memory_mib, disk_gib = excluded.disk_gib, \
         snapshots = excluded.snapshots"
    );
    let limit = |limit: Option<u64>| limit.map(u64::cast_signed);
    session
        .execute(
            query
                .arg(organisation)
                .arg(limit(overrides.servers))
                .arg(limit(overrides.cpus))
                .arg(limit(overrides.memory_mib))
                .arg(limit(overrides.disk_gib))
                .arg(limit(overrides.snapshots)),
        )
        .await
        .map(drop)
}

/// What an organisation has in the operator's regions: its servers that it has not asked to be destroyed, as large as they
/// are going to be, and its snapshots.
pub async fn used(session: &mut Session, organisation: OrganisationId) -> Result<Amounts> {
    let query = sql!(
        "SELECT COUNT(*) AS servers, CAST(COALESCE(SUM(s.cpus), 0) AS BIGINT) AS cpus, \
         CAST(COALESCE(SUM(s.memory_mib), 0) AS BIGINT) AS memory_mib, \
         CAST(COALESCE(SUM(s.disk_gib), 0) AS BIGINT) AS disk_gib, \
         (SELECT COUNT(*) FROM snapshots n JOIN servers o ON o.id = n.server_id JOIN providers q ON q.id = o.provider_id \
         WHERE n.organisation_id = $1 AND n.destroyed_at IS NULL AND n.state <> 'failed' AND q.kind = 'arcus') \
         AS snapshots FROM servers s JOIN providers p ON p.id = s.provider_id \
         WHERE s.organisation_id = $1 AND s.destroyed_at IS NULL AND s.desired <> 'destroyed' AND p.kind = 'arcus'"
    );
    let row = session.one(query.arg(organisation)).await?;
    let used = Amounts {
        snapshots: row.get::<i64>("snapshots")?.cast_unsigned(),
        ..amounts(&row)?
    };
    let growing = growing_of_organisation(session, organisation).await?;
    Ok(growing
        .iter()
        .map(Growing::amounts)
        .fold(used, Amounts::and))
}

/// What is sold of one of the operator's regions: whatever is not gone yet, as large as it is going to be.
pub async fn sold(session: &mut Session, region: &str) -> Result<Amounts> {
    let query = sql!(
        "SELECT COUNT(*) AS servers, CAST(COALESCE(SUM(s.cpus), 0) AS BIGINT) AS cpus, \
         CAST(COALESCE(SUM(s.memory_mib), 0) AS BIGINT) AS memory_mib, \
         CAST(COALESCE(SUM(s.disk_gib), 0) AS BIGINT) AS disk_gib \
         FROM servers s JOIN providers p ON p.id = s.provider_id \
         WHERE s.region = $1 AND s.destroyed_at IS NULL AND p.kind = 'arcus'"
    );
    let sold = amounts(&session.one(query.arg(region)).await?)?;
    let query = sql!(
        "SELECT s.id, s.cpus, s.memory_mib, s.disk_gib, s.hourly, o.input FROM operations o \
         JOIN servers s ON s.id = o.server_id JOIN providers p ON p.id = s.provider_id \
         WHERE o.kind = 'resize_server' AND o.status IN ('queued', 'running') \
         AND s.region = $1 AND s.destroyed_at IS NULL AND p.kind = 'arcus'"
    );
    let rows = session.all(query.arg(region)).await?;
    let growing: Vec<Growing> = rows.iter().map(growing).collect::<Result<_>>()?;
    Ok(growing
        .iter()
        .map(Growing::amounts)
        .fold(sold, Amounts::and))
}

fn amounts(row: &Row) -> Result<Amounts> {
    let count = |column| Ok(row.get::<i64>(column)?.cast_unsigned());
    Ok(Amounts {
        servers: count("servers")?,
        cpus: count("cpus")?,
        memory_mib: count("memory_mib")?,
        disk_gib: count("disk_gib")?,
        snapshots: 0,
    })
}

/// A server that is to have another plan, and has not yet.
pub(crate) struct Growing {
    server: ServerId,
    size: Size,
    hourly: Money,
    plan: Option<Plan>,
}

// === impl Growing ===

impl Growing {
    fn amounts(&self) -> Amounts {
        self.plan.as_ref().map_or(Amounts::default(), |plan| {
            Amounts::change(&self.size, &Size::from(plan))
        })
    }

    /// Which server it is, and the plan that it is to have.
    pub(crate) fn planned(self) -> Option<(ServerId, Plan)> {
        self.plan.map(|plan| (self.server, plan))
    }

    /// What an hour of it costs more.
    pub(crate) fn hourly(&self) -> Result<Money> {
        match &self.plan {
            Some(plan) => Ok(plan.hourly.minus(self.hourly)?.max(Money(0))),
            None => Ok(Money(0)),
        }
    }
}

/// The organisation's servers in the operator's regions that are to have another plan.
pub(crate) async fn growing_of_organisation(
    session: &mut Session,
    organisation: OrganisationId,
) -> Result<Vec<Growing>> {
    let query = sql!(
        "SELECT s.id, s.cpus, s.memory_mib, s.disk_gib, s.hourly, o.input FROM operations o \
         JOIN servers s ON s.id = o.server_id JOIN providers p ON p.id = s.provider_id \
         WHERE o.organisation_id = $1 AND o.kind = 'resize_server' \
         AND o.status IN ('queued', 'running') AND s.destroyed_at IS NULL AND s.desired <> 'destroyed' \
         AND p.kind = 'arcus'"
    );
    let rows = session.all(query.arg(organisation)).await?;
    rows.iter().map(growing).collect()
}

fn growing(row: &Row) -> Result<Growing> {
    let mut input: serde_json::Value = row.json("input")?;
    Ok(Growing {
        server: ServerId(row.get("id")?),
        size: Size {
            cpus: row.count("cpus")?,
            memory_mib: row.get::<i64>("memory_mib")?.cast_unsigned(),
            disk_gib: row.get::<i64>("disk_gib")?.cast_unsigned(),
            bandwidth_tb: 0,
        },
        hourly: Money(row.get("hourly")?),
        plan: serde_json::from_value(input["plan"].take()).ok(),
    })
}
