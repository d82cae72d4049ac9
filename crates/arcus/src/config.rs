//! The configuration: flags, `ARCUS_*` variables and `arcus.toml`, in this order of precedence.
//!
//! Read by `serve`; the other commands go by [`Place`] alone. What must stay true: a key of `arcus.toml` that nothing
//! reads is refused by name, and an error never repeats a line of the file, for there are secrets in it.

mod billing;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use clouds::registry;
use control::app::OrphanPolicy;
use control::{Registration, Settings};
use domain::billing::monthly_price;
use domain::credentials::Credentials;
use domain::offer::{Minimum, Overcommit};
use domain::{Error, Image, ImageSource, Money, Plan, Result};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::house::HouseRegion;

pub(crate) use billing::{MoneyFlags, amount};

/// Where Arcus keeps what it knows.
#[derive(Args, Clone)]
pub(crate) struct Place {
    /// The folder for the database, the keys and the simulated cloud.
    #[arg(
        long,
        global = true,
        env = "ARCUS_DATA_DIR",
        default_value = "arcus-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// `postgres://...`, or `sqlite:PATH`; a SQLite file in the data folder where absent.
    #[arg(
        long,
        global = true,
        env = "ARCUS_DATABASE_URL",
        hide_env_values = true
    )]
    pub(crate) database_url: Option<String>,
    /// The keys that secrets are sealed with; replicas share them. A file in the data folder where absent.
    #[arg(long, global = true, env = "ARCUS_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// Who may register.
#[derive(Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RegistrationFlag {
    Open,
    Invite,
    Closed,
}

/// What is done with orphans.
#[derive(Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OrphansFlag {
    Report,
    Remove,
}

/// The flags of `arcus serve`.
#[derive(Args)]
pub(crate) struct Serve {
    /// The address to listen on.
    #[arg(long, env = "ARCUS_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// The configuration file; `arcus.toml` in the data folder where absent.
    #[arg(long, env = "ARCUS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Who may register: anybody while the listener is on loopback, by invitation otherwise, unless set.
    #[arg(long, env = "ARCUS_REGISTRATION")]
    pub(crate) registration: Option<RegistrationFlag>,
    /// Enable the simulated cloud, as a provider and as the region `sandbox`.
    #[arg(long, env = "ARCUS_SANDBOX")]
    pub(crate) sandbox: bool,
    /// Show the secrets of providers in the clear.
    #[arg(long, env = "ARCUS_REVEAL_PROVIDER_SECRETS")]
    pub(crate) reveal_provider_secrets: bool,
    /// What is done with an instance that bears our tag and that no server accounts for.
    #[arg(long, env = "ARCUS_ORPHANS")]
    pub(crate) orphans: Option<OrphansFlag>,
    /// With `--orphans remove`: for how long such an instance is let be first, in seconds; an hour unless set.
    #[arg(long, env = "ARCUS_ORPHANS_AFTER_SECS")]
    pub(crate) orphans_after_secs: Option<f64>,
    /// Let customers' own Incus servers be on private networks; so while the listener is on loopback, unless set.
    #[arg(long, env = "ARCUS_ALLOW_PRIVATE_NETWORKS")]
    pub(crate) allow_private_networks: Option<bool>,
    /// Who sends this as a bearer token may read the metrics from elsewhere.
    #[arg(long, env = "ARCUS_METRICS_TOKEN", hide_env_values = true)]
    pub(crate) metrics_token: Option<String>,
    /// How long a worker's lease lasts, in seconds.
    #[arg(long, env = "ARCUS_LEASE_SECS")]
    pub(crate) lease_secs: Option<f64>,
    /// How often the reconcilers look, in seconds.
    #[arg(long, env = "ARCUS_RECONCILE_SECS")]
    pub(crate) reconcile_secs: Option<f64>,
    /// How often the servers' traffic is read, in seconds.
    #[arg(long, env = "ARCUS_SAMPLE_SECS")]
    pub(crate) sample_secs: Option<f64>,
    /// Calls on their way at once, for each set of credentials: 250 at Amazon EC2 and 32 elsewhere, where not set.
    #[arg(long, env = "ARCUS_CALLS_AT_ONCE")]
    pub(crate) calls_at_once: Option<usize>,
    /// Calls begun per second, for each set of credentials.
    #[arg(long, env = "ARCUS_CALLS_PER_SECOND")]
    pub(crate) calls_per_second: Option<NonZeroU32>,
    /// The most servers of one environment.
    #[arg(long, env = "ARCUS_MAX_NODES")]
    pub(crate) max_nodes: Option<usize>,
    #[command(flatten)]
    pub(crate) money: MoneyFlags,
}

/// `arcus.toml`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    listen: Option<SocketAddr>,
    registration: Option<RegistrationFlag>,
    sandbox: bool,
    reveal_provider_secrets: bool,
    orphans: Option<OrphansFlag>,
    orphans_after_secs: Option<f64>,
    allow_private_networks: Option<bool>,
    metrics_token: Option<String>,
    calls_at_once: Option<usize>,
    calls_per_second: Option<NonZeroU32>,
    max_nodes: Option<usize>,
    billing: billing::Table,
    quota: billing::QuotaTable,
    #[serde(rename = "region")]
    pub(crate) regions: Vec<RegionEntry>,
    #[serde(rename = "plan")]
    pub(crate) plans: Vec<PlanEntry>,
    #[serde(rename = "image")]
    pub(crate) images: Vec<ImageEntry>,
}

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

fn yes() -> bool {
    true
}

fn nothing() -> String {
    "0".to_owned()
}

/// Whom an image's SSH server lets in, unless set.
pub(crate) const ROOT: &str = "root";

/// The group that a plan is listed in, unless set.
pub(crate) const GENERAL_PURPOSE: &str = "General Purpose";

fn root() -> String {
    ROOT.to_owned()
}

/// Where customers' clouds are instead of where they are for everybody: `ARCUS_KIND_ENDPOINT` of each kind that can be
/// elsewhere, for tests and for clouds that speak the same API. No flag and no file: nobody comes across it by accident.
pub(crate) fn endpoints() -> HashMap<String, String> {
    let given = registry::CLOUDS.iter().filter(|kind| kind.has_endpoint());
    given
        .filter_map(|kind| {
            let name = format!("ARCUS_{}_ENDPOINT", kind.name.to_ascii_uppercase());
            let address = std::env::var(name).ok()?;
            (!address.is_empty()).then(|| (kind.name.to_owned(), address))
        })
        .collect()
}

fn general_purpose() -> String {
    GENERAL_PURPOSE.to_owned()
}

/// Everything that `arcus serve` goes by.
pub(crate) struct Configuration {
    pub(crate) listen: SocketAddr,
    pub(crate) settings: Settings,
    pub(crate) metrics_token: Option<SecretString>,
    pub(crate) file: File,
}

// === impl Place ===

impl Place {
    /// The simulated cloud's file.
    pub(crate) fn sandbox(&self) -> PathBuf {
        self.data_dir.join("sandbox.db")
    }
}

// === impl Configuration ===

impl Configuration {
    /// Reads the file and lays the flags over it.
    pub(crate) fn read(place: &Place, flags: Serve) -> Result<Self> {
        let file = File::read(place, flags.config.as_deref())?;
        let listen = flags
            .listen
            .or(file.listen)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let local = is_local(listen.ip());
        let registration = match flags.registration.or(file.registration) {
            Some(RegistrationFlag::Open) => Registration::Open,
            Some(RegistrationFlag::Closed) => Registration::Closed,
            None if local => Registration::Open,
            Some(RegistrationFlag::Invite) | None => Registration::Invite,
        };
        let default = Settings::default();
        let settings = Settings {
            registration,
            reveal_provider_secrets: flags.reveal_provider_secrets || file.reveal_provider_secrets,
            sandbox: (flags.sandbox || file.sandbox).then(|| place.sandbox()),
            allow_private_networks: flags
                .allow_private_networks
                .or(file.allow_private_networks)
                .unwrap_or(local),
            lease: seconds(flags.lease_secs, "lease-secs")?.unwrap_or(default.lease),
            reconcile_every: seconds(flags.reconcile_secs, "reconcile-secs")?
                .unwrap_or(default.reconcile_every),
            sample_every: seconds(flags.sample_secs, "sample-secs")?
                .unwrap_or(default.sample_every),
            calls_at_once: flags.calls_at_once.or(file.calls_at_once),
            calls_per_second: flags.calls_per_second.or(file.calls_per_second),
            max_nodes: flags
                .max_nodes
                .or(file.max_nodes)
                .unwrap_or(default.max_nodes),
            orphans: match flags.orphans.or(file.orphans) {
                Some(OrphansFlag::Remove) => OrphanPolicy::Remove,
                Some(OrphansFlag::Report) | None => OrphanPolicy::Report,
            },
            orphans_after: seconds(
                flags.orphans_after_secs.or(file.orphans_after_secs),
                "orphans-after-secs",
            )?
            .unwrap_or(default.orphans_after),
            endpoints: endpoints(),
            billing: file.billing.settings(&flags.money)?,
            quota: file.quota.limits(),
            ..default
        };
        let metrics_token = flags
            .metrics_token
            .or_else(|| file.metrics_token.clone())
            .map(SecretString::from);
        Ok(Self {
            listen,
            settings,
            metrics_token,
            file,
        })
    }
}

fn is_local(address: IpAddr) -> bool {
    address.is_loopback()
}

fn seconds(value: Option<f64>, flag: &str) -> Result<Option<Duration>> {
    let Some(value) = value else { return Ok(None) };
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if duration >= Duration::from_millis(100) => Ok(Some(duration)),
        _ => Err(Error::invalid(format!(
            "--{flag} is a number of seconds, 0.1 or more"
        ))),
    }
}

// === impl File ===

impl File {
    /// Whether the data folder's `arcus.toml` has a `[[region]]`, `[[plan]]` or `[[image]]` of that slug.
    pub(crate) fn names(place: &Place, what: &str, slug: &str) -> bool {
        let Ok(file) = Self::read(place, None) else {
            return false;
        };
        match what {
            "region" => file.regions.iter().any(|region| region.0.slug == slug),
            "plan" => file.plans.iter().any(|plan| plan.slug == slug),
            _ => file.images.iter().any(|image| image.slug == slug),
        }
    }

    fn read(place: &Place, named: Option<&Path>) -> Result<Self> {
        let usual = place.data_dir.join("arcus.toml");
        let path = match named {
            Some(path) => path,
            None if usual.exists() => &usual,
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::invalid(format!("{} can't be read: {error}", path.display()))
        })?;
        Self::parse(&text).map_err(|error| Error::invalid(format!("{}: {error}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line}: {}", error.message())
        })
    }
}

// === impl RegionEntry ===

impl RegionEntry {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Why a file with this text is refused.
    fn refused(text: &str) -> String {
        File::parse(text).map(drop).expect_err("refused")
    }

    #[test]
    fn a_file_with_an_unknown_key_is_refused_by_the_name_of_the_key() {
        let region = "[[region]]\nslug = \"fra\"\ncloud = \"incus\"\n";
        let plan = "[[plan]]\nslug = \"small\"\ncpus = 1\nmemory_mib = 512\ndisk_gib = 10\n";
        let image = "[[image]]\nslug = \"debian\"\ndistribution = \"debian-12\"\n";
        for (table, key) in [
            ("", "listn"),
            (region, "pol"),
            (plan, "hidden"),
            (image, "alais"),
        ] {
            let message = refused(&format!("{table}{key} = \"x\"\n"));
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn a_file_that_is_refused_is_not_printed() {
        let text = "metrics_token = \"hunter2\"\nregion = [{slug = \"fra\", cloud = \"incus\", client_key = \"hunter2\", vm = 1}]";
        let message = refused(text);
        assert!(message.starts_with("line 2: "), "{message}");
        assert!(
            message.contains("vm") && !message.contains("hunter2"),
            "{message}"
        );
    }

    /// The prices of a plan with these lines, by the hour and by the month.
    fn prices(lines: &str) -> Result<(Money, Money)> {
        let plan = "[[plan]]\nslug = \"small\"\ncpus = 1\nmemory_mib = 512\ndisk_gib = 10\n";
        let file = File::parse(&format!("{plan}{lines}")).expect("parses");
        let plan = file.plans.into_iter().next().expect("one").plan()?;
        Ok((plan.hourly, plan.monthly))
    }

    #[test]
    fn a_plan_without_a_monthly_price_costs_every_hour_of_the_month() {
        let both = prices("hourly = \"0.005\"\n").expect("is right");
        assert_eq!(both, (Money(5_000), Money(744 * 5_000)));
        let both = prices("hourly = \"0.005\"\nmonthly = \"3.5\"\n").expect("is right");
        assert_eq!(both, (Money(5_000), Money(3_500_000)));
        assert_eq!(prices("").expect("is right"), (Money(0), Money(0)));
    }

    #[test]
    fn a_plan_whose_servers_would_cost_nothing_by_mistake_is_refused_by_its_name() {
        for lines in [
            "hourly = \"0.005\"\nmonthly = \"0\"\n",
            "hourly = \"0.005\"\nmonthly = \"0.0049\"\n",
            "monthly = \"3.5\"\n",
        ] {
            let error = prices(lines).expect_err(lines);
            assert!(error.message().contains("small"), "{error}");
        }
    }

    #[test]
    fn a_regions_secrets_are_not_among_its_options() {
        let file = File::parse(
            "[[region]]\nslug = \"fra\"\ncloud = \"incus\"\nurl = \"https://h:8443\"\nclient_key = \"secret\"\n",
        )
        .expect("parses");
        let region = file.regions.into_iter().next().expect("one").region();
        assert_eq!(region.options.keys().collect::<Vec<_>>(), ["url"]);
        assert!(region.credentials.get("client_key").is_some());
    }
}
