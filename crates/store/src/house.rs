//! The operator's own regions, plans and images ("the house").
//!
//! `source` tells who put a row there: `config` (arcus.toml, laid anew at each start), `cli`, `default` or `found`.

use domain::credentials::Credentials;
use domain::offer::{Capacity, Minimum, Overcommit};
use domain::{Image, Money, Plan, Result};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::query::{Row, json, sql};
use crate::session::Session;

/// One of the operator's regions.
#[derive(Debug, Clone)]
pub struct HouseRegion {
    /// What users write.
    pub slug: String,
    /// What users read.
    pub name: String,
    /// Which driver.
    pub cloud: String,
    /// The driver's options.
    pub options: Map<String, Value>,
    /// What is secret among them.
    pub credentials: Credentials,
    /// Its country's code, such as `TR`; empty where nobody said.
    pub country: String,
    /// How much of its capacity may be sold.
    pub overcommit: Overcommit,
    /// Whether new servers may be made there.
    pub open: bool,
    /// Who put it there.
    pub source: String,
}

/// Adds a region or lays it anew.
pub async fn put_region(session: &mut Session, region: &HouseRegion) -> Result<()> {
    let secret = SecretString::from(json(&region.credentials.reveal())?);
    let sealed = session.sealer().seal(&place(&region.slug), &secret)?;
    session
        .execute(
            sql!(
                "INSERT INTO regions (slug, name, cloud, options, sealed_credentials, open, source, country, overcommit) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (slug) DO UPDATE SET name = excluded.name, \
                 cloud = excluded.cloud, options = excluded.options, \
                 sealed_credentials = excluded.sealed_credentials, open = excluded.open, source = excluded.source, \
                 country = excluded.country, overcommit = excluded.overcommit"
            )
            .arg(&region.slug)
            .arg(&region.name)
            .arg(&region.cloud)
            .arg(json(&region.options)?)
            .arg(sealed)
            .arg(region.open)
            .arg(&region.source)
            .arg(&region.country)
            .arg(json(&region.overcommit)?),
        )
        .await
        .map(drop)
}

/// All regions.
pub async fn regions(session: &mut Session) -> Result<Vec<HouseRegion>> {
    let rows = session
        .all(sql!(
            "SELECT slug, name, cloud, options, sealed_credentials, open, source, country, overcommit FROM regions \
             ORDER BY slug"
        ))
        .await?;
    rows.iter().map(|row| region(session, row)).collect()
}

/// The region with that slug.
pub async fn region_by_slug(session: &mut Session, slug: &str) -> Result<Option<HouseRegion>> {
    let query = sql!(
        "SELECT slug, name, cloud, options, sealed_credentials, open, source, country, overcommit FROM regions \
         WHERE slug = $1"
    );
    let row = session.optional(query.arg(slug)).await?;
    row.map(|row| region(session, &row)).transpose()
}

/// Notes what a region's machines have.
pub async fn set_capacity(session: &mut Session, slug: &str, capacity: &Capacity) -> Result<()> {
    let query = sql!("UPDATE regions SET capacity = $1 WHERE slug = $2");
    session
        .execute(query.arg(json(capacity)?).arg(slug))
        .await
        .map(drop)
}

/// What a region's machines have, as last noted.
pub async fn capacity(session: &mut Session, slug: &str) -> Result<Option<Capacity>> {
    let query = sql!("SELECT capacity FROM regions WHERE slug = $1 AND capacity IS NOT NULL");
    let row = session.optional(query.arg(slug)).await?;
    row.map(|row| row.json("capacity")).transpose()
}

/// Locks a region against sales by others until the session ends, and says what its machines have, where that is known, and
/// how much of it may be sold; `None` where it has no limit, or is gone.
pub async fn hold_room(
    session: &mut Session,
    slug: &str,
) -> Result<Option<(Option<Capacity>, Overcommit)>> {
    let query = sql!(
        "UPDATE regions SET open = open WHERE slug = $1 AND overcommit IS NOT NULL RETURNING capacity, overcommit"
    );
    let Some(row) = session.optional(query.arg(slug)).await? else {
        return Ok(None);
    };
    let overcommit: Overcommit = row.json("overcommit")?;
    if overcommit == Overcommit::default() {
        return Ok(None);
    }
    let capacity = match row.get::<Option<String>>("capacity")? {
        Some(_) => Some(row.json("capacity")?),
        None => None,
    };
    Ok(Some((capacity, overcommit)))
}

/// Removes a region, and keeps in mind that it was; false when there was none.
pub async fn remove_region(session: &mut Session, slug: &str) -> Result<bool> {
    let removed = session
        .execute(sql!("DELETE FROM regions WHERE slug = $1").arg(slug))
        .await?;
    let query = sql!(
        "INSERT INTO settings (name, value) VALUES ($1, 'removed') ON CONFLICT (name) DO NOTHING"
    );
    if removed > 0 {
        session.execute(query.arg(mark(slug))).await?;
    }
    Ok(removed > 0)
}

/// Whether a region of that slug was ever removed: Arcus offers no such region by itself again.
pub async fn region_was_removed(session: &mut Session, slug: &str) -> Result<bool> {
    let query = sql!("SELECT name FROM settings WHERE name = $1");
    Ok(session.optional(query.arg(mark(slug))).await?.is_some())
}

/// Adds a plan or lays it anew; with `keep`, one that is there stays as it is.
pub async fn put_plan(session: &mut Session, plan: &Plan, source: &str, keep: bool) -> Result<()> {
    let query = if keep {
        sql!(
            "INSERT INTO plans (slug, family, cpus, memory_mib, disk_gib, bandwidth_tb, hourly, monthly, open, source) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (slug) DO NOTHING"
        )
    } else {
        sql!(
            "INSERT INTO plans (slug, family, cpus, memory_mib, disk_gib, bandwidth_tb, hourly, monthly, open, source) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (slug) DO UPDATE SET \
             family = excluded.family, cpus = excluded.cpus, memory_mib = excluded.memory_mib, \
             disk_gib = excluded.disk_gib, bandwidth_tb = excluded.bandwidth_tb, hourly = excluded.hourly, \
             monthly = excluded.monthly, open = excluded.open, source = excluded.source"
        )
    };
    session
        .execute(
            query
                .arg(&plan.slug)
                .arg(&plan.family)
                .arg(i64::from(plan.cpus))
                .arg(plan.memory_mib.cast_signed())
                .arg(plan.disk_gib.cast_signed())
                .arg(i64::from(plan.bandwidth_tb))
                .arg(plan.hourly.0)
                .arg(plan.monthly.0)
                .arg(plan.open)
                .arg(source),
        )
        .await
        .map(drop)
}

/// All plans, the smallest first.
pub async fn plans(session: &mut Session) -> Result<Vec<Plan>> {
    let rows = session
        .all(sql!(
            "SELECT slug, family, cpus, memory_mib, disk_gib, bandwidth_tb, hourly, monthly, open FROM plans \
             ORDER BY monthly, memory_mib, slug"
        ))
        .await?;
    rows.iter()
        .map(|row| {
            let count = |column| Ok(u32::try_from(row.get::<i64>(column)?).unwrap_or(0));
            Ok(Plan {
                slug: row.get("slug")?,
                family: row.get("family")?,
                cpus: count("cpus")?,
                memory_mib: row.get::<i64>("memory_mib")?.cast_unsigned(),
                disk_gib: row.get::<i64>("disk_gib")?.cast_unsigned(),
                bandwidth_tb: count("bandwidth_tb")?,
                hourly: Money(row.get("hourly")?),
                monthly: Money(row.get("monthly")?),
                open: row.get("open")?,
            })
        })
        .collect()
}

/// Removes a plan; false when there was none.
pub async fn remove_plan(session: &mut Session, slug: &str) -> Result<bool> {
    Ok(session
        .execute(sql!("DELETE FROM plans WHERE slug = $1").arg(slug))
        .await?
        > 0)
}

/// Adds an image or lays it anew; with `keep`, one that is there stays as it is.
pub async fn put_image(
    session: &mut Session,
    image: &Image,
    source: &str,
    keep: bool,
) -> Result<()> {
    let query = if keep {
        sql!(
            "INSERT INTO images (slug, name, distribution, login_user, places, open, source, packages, min_cpus, \
             min_memory_mib, min_disk_gib) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (slug) DO NOTHING"
        )
    } else {
        sql!(
            "INSERT INTO images (slug, name, distribution, login_user, places, open, source, packages, min_cpus, \
             min_memory_mib, min_disk_gib) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (slug) DO UPDATE SET name = excluded.name, \
             distribution = excluded.distribution, login_user = excluded.login_user, places = excluded.places, \
             open = excluded.open, source = excluded.source, packages = excluded.packages, \
             min_cpus = excluded.min_cpus, min_memory_mib = excluded.min_memory_mib, \
             min_disk_gib = excluded.min_disk_gib"
        )
    };
    session
        .execute(
            query
                .arg(&image.slug)
                .arg(&image.name)
                .arg(&image.distribution)
                .arg(&image.login_user)
                .arg(json(&image.source)?)
                .arg(image.open)
                .arg(source)
                .arg(json(&image.packages)?)
                .arg(image.minimum.cpus.map(i64::from))
                .arg(image.minimum.memory_mib.map(u64::cast_signed))
                .arg(image.minimum.disk_gib.map(u64::cast_signed)),
        )
        .await
        .map(drop)
}

/// All images.
pub async fn images(session: &mut Session) -> Result<Vec<Image>> {
    let rows = session
        .all(sql!(
            "SELECT slug, name, distribution, login_user, places, open, packages, min_cpus, min_memory_mib, \
             min_disk_gib FROM images ORDER BY slug"
        ))
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Image {
                slug: row.get("slug")?,
                name: row.get("name")?,
                distribution: row.get("distribution")?,
                login_user: row.get("login_user")?,
                source: row.json("places")?,
                packages: row.json("packages")?,
                minimum: Minimum {
                    cpus: row
                        .get::<Option<i64>>("min_cpus")?
                        .and_then(|cpus| u32::try_from(cpus).ok()),
                    memory_mib: row
                        .get::<Option<i64>>("min_memory_mib")?
                        .map(i64::cast_unsigned),
                    disk_gib: row
                        .get::<Option<i64>>("min_disk_gib")?
                        .map(i64::cast_unsigned),
                },
                open: row.get("open")?,
            })
        })
        .collect()
}

/// Removes an image; false when there was none.
pub async fn remove_image(session: &mut Session, slug: &str) -> Result<bool> {
    Ok(session
        .execute(sql!("DELETE FROM images WHERE slug = $1").arg(slug))
        .await?
        > 0)
}

fn region(session: &Session, row: &Row) -> Result<HouseRegion> {
    let slug: String = row.get("slug")?;
    let sealed: Vec<u8> = row.get("sealed_credentials")?;
    let opened = session.sealer().unseal(&place(&slug), &sealed)?;
    let fields: Map<String, Value> =
        serde_json::from_str(opened.expose_secret()).unwrap_or_default();
    Ok(HouseRegion {
        slug,
        name: row.get("name")?,
        cloud: row.get("cloud")?,
        options: row.json("options")?,
        credentials: Credentials::from_map(&fields),
        country: row.get("country")?,
        overcommit: match row.get::<Option<String>>("overcommit")? {
            Some(_) => row.json("overcommit")?,
            None => Overcommit::default(),
        },
        open: row.get("open")?,
        source: row.get("source")?,
    })
}

fn mark(slug: &str) -> String {
    format!("removed-region:{slug}")
}

fn place(slug: &str) -> String {
    format!("regions.credentials/{slug}")
}
