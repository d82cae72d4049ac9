//! Regions, plans and images as `arcus.toml` has them, and what they are once they are checked.
//!
//! Read by `config`, and by the commands that take the same words. What must stay true: what no driver knows is refused by its
//! name; secrets are taken apart from what anybody may read; a price is a decimal, and never a float.

use clouds::registry;
use domain::billing::monthly_price;
use domain::credentials::Credentials;
use domain::offer::{Minimum, Overcommit};
use domain::{Error, Image, ImageSource, Money, Plan, Result};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::house::HouseRegion;

/// A region in `arcus.toml`, checked.
#[derive(Deserialize)]
#[serde(try_from = "RegionTable")]
pub(crate) struct RegionEntry(HouseRegion);

/// The same as it is written; what it holds besides these goes to its cloud's driver.
#[derive(Deserialize)]
struct RegionTable {
    slug: String,
    name: Option<String>,
    cloud: String,
    #[serde(default)]
    country: String,
    #[serde(default)]
    overcommit: Overcommit,
    #[serde(default = "yes")]
    open: bool,
    #[serde(flatten)]
    keys: Map<String, Value>,
}

/// A plan in `arcus.toml`; prices are decimals in quotes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanEntry {
    slug: String,
    #[serde(default = "general_purpose")]
    family: String,
    cpus: u32,
    memory_mib: u64,
    disk_gib: u64,
    #[serde(default)]
    bandwidth_tb: u32,
    #[serde(default = "nothing")]
    hourly: String,
    /// A month has no limit but its hours where this is absent.
    monthly: Option<String>,
    #[serde(default = "yes")]
    open: bool,
}

/// An image in `arcus.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageEntry {
    slug: String,
    name: Option<String>,
    distribution: String,
    #[serde(default = "root")]
    login_user: String,
    alias: Option<String>,
    server: Option<String>,
    remote_alias: Option<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    minimum: Minimum,
    #[serde(default = "yes")]
    open: bool,
}

/// Whom an image's SSH server lets in, unless set.
pub(crate) const ROOT: &str = "root";

/// The group that a plan is listed in, unless set.
pub(crate) const GENERAL_PURPOSE: &str = "General Purpose";

fn yes() -> bool {
    true
}

fn nothing() -> String {
    "0".to_owned()
}

fn root() -> String {
    ROOT.to_owned()
}

fn general_purpose() -> String {
    GENERAL_PURPOSE.to_owned()
}

// === impl RegionEntry ===

impl RegionEntry {
    pub(crate) fn slug(&self) -> &str {
        &self.0.slug
    }

    pub(crate) fn region(self) -> HouseRegion {
        self.0
    }
}

impl TryFrom<RegionTable> for RegionEntry {
    type Error = String;

    fn try_from(table: RegionTable) -> Result<Self, String> {
        let (options, credentials) = apart(&table.cloud, table.keys)
            .map_err(|error| format!("region {:?}: {}", table.slug, error.message()))?;
        let Overcommit { cpus, memory, disk } = table.overcommit;
        let makes_sense = |factor: f64| factor.is_finite() && factor > 0.0;
        if ![cpus, memory, disk].into_iter().flatten().all(makes_sense) {
            return Err(format!(
                "region {:?}: an overcommit is a number above 0; leave out what has no limit",
                table.slug
            ));
        }
        Ok(Self(HouseRegion {
            name: table.name.unwrap_or_else(|| table.slug.clone()),
            slug: table.slug,
            cloud: table.cloud,
            options,
            credentials,
            country: table.country,
            overcommit: table.overcommit,
            open: table.open,
            source: "config".to_owned(),
        }))
    }
}

/// What is said of a region on that cloud, taken apart into its options and its credentials, which are to be sealed.
///
/// Errors: `Invalid`, with the name of what the cloud's driver does not know.
pub(crate) fn apart(
    cloud: &str,
    keys: Map<String, Value>,
) -> Result<(Map<String, Value>, Credentials)> {
    registry::region(cloud, keys).map_err(|error| Error::invalid(error.message))
}

// === impl PlanEntry ===

impl PlanEntry {
    pub(crate) fn slug(&self) -> &str {
        &self.slug
    }

    pub(crate) fn plan(self) -> Result<Plan> {
        let (hourly, monthly) = self.prices().map_err(|error| {
            Error::invalid(format!("the plan {:?}: {}", self.slug, error.message()))
        })?;
        Ok(Plan {
            hourly,
            monthly,
            slug: self.slug,
            family: self.family,
            cpus: self.cpus,
            memory_mib: self.memory_mib,
            disk_gib: self.disk_gib,
            bandwidth_tb: self.bandwidth_tb,
            open: self.open,
        })
    }

    fn prices(&self) -> Result<(Money, Money)> {
        let hourly = money(&self.hourly)?;
        let given = self.monthly.as_deref().map(money).transpose()?;
        Ok((hourly, monthly_price(hourly, given)?))
    }
}

/// A price as a decimal.
pub(crate) fn money(text: &str) -> Result<Money> {
    Money::parse(text).ok_or_else(|| {
        Error::invalid(format!(
            "{text:?} is no price; write a decimal such as 0.0074"
        ))
    })
}

// === impl ImageEntry ===

impl ImageEntry {
    pub(crate) fn slug(&self) -> &str {
        &self.slug
    }

    pub(crate) fn image(self) -> Image {
        Image {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
            distribution: self.distribution,
            login_user: self.login_user,
            source: ImageSource {
                alias: self.alias,
                server: self.server,
                remote_alias: self.remote_alias,
            },
            packages: self.packages,
            minimum: self.minimum,
            open: self.open,
        }
    }
}
