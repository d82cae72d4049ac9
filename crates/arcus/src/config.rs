//! The configuration: flags, `ARCUS_*` variables and `arcus.toml`, in this order of precedence.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use control::app::OrphanPolicy;
use control::{Registration, Settings};
use domain::credentials::Credentials;
use domain::{Error, Image, ImageSource, Money, Plan, Result};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::house::HouseRegion;

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
    /// Calls on their way at once, per cloud account.
    #[arg(long, env = "ARCUS_CALLS_AT_ONCE")]
    pub(crate) calls_at_once: Option<usize>,
    /// Calls begun per second, per cloud account.
    #[arg(long, env = "ARCUS_CALLS_PER_SECOND")]
    pub(crate) calls_per_second: Option<NonZeroU32>,
    /// The most servers of one environment.
    #[arg(long, env = "ARCUS_MAX_NODES")]
    pub(crate) max_nodes: Option<usize>,
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
    #[serde(rename = "region")]
    pub(crate) regions: Vec<RegionEntry>,
    #[serde(rename = "plan")]
    pub(crate) plans: Vec<PlanEntry>,
    #[serde(rename = "image")]
    pub(crate) images: Vec<ImageEntry>,
}

/// A region in `arcus.toml`; what it holds besides these goes to its cloud's driver.
#[derive(Deserialize)]
pub(crate) struct RegionEntry {
    slug: String,
    name: Option<String>,
    cloud: String,
    #[serde(default = "yes")]
    open: bool,
    #[serde(flatten)]
    options: Map<String, Value>,
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
    #[serde(default = "nothing")]
    monthly: String,
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
    #[serde(default = "yes")]
    open: bool,
}

fn yes() -> bool {
    true
}

fn nothing() -> String {
    "0".to_owned()
}

fn root() -> String {
    "root".to_owned()
}

fn general_purpose() -> String {
    "General Purpose".to_owned()
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
            calls_at_once: flags
                .calls_at_once
                .or(file.calls_at_once)
                .unwrap_or(default.calls_at_once),
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
        toml::from_str(&text)
            .map_err(|error| Error::invalid(format!("{}: {error}", path.display())))
    }
}

// === impl RegionEntry ===

impl RegionEntry {
    /// What is secret is taken out of the options, to be sealed.
    pub(crate) fn region(mut self) -> HouseRegion {
        let mut credentials = Credentials::default();
        for name in ["client_certificate", "client_key", "server_certificate"] {
            if let Some(Value::String(value)) = self.options.remove(name) {
                credentials = credentials.with(name, value);
            }
        }
        HouseRegion {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
            cloud: self.cloud,
            options: self.options,
            credentials,
            open: self.open,
            source: "config".to_owned(),
        }
    }
}

// === impl PlanEntry ===

impl PlanEntry {
    pub(crate) fn plan(self) -> Result<Plan> {
        Ok(Plan {
            hourly: money(&self.hourly)?,
            monthly: money(&self.monthly)?,
            slug: self.slug,
            family: self.family,
            cpus: self.cpus,
            memory_mib: self.memory_mib,
            disk_gib: self.disk_gib,
            bandwidth_tb: self.bandwidth_tb,
            open: self.open,
        })
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
            open: self.open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_an_unknown_key_is_refused() {
        assert!(toml::from_str::<File>("listn = \"127.0.0.1:1\"").is_err());
    }

    #[test]
    fn a_regions_secrets_are_not_among_its_options() {
        let file: File = toml::from_str(
            "[[region]]\nslug = \"fra\"\ncloud = \"incus\"\nurl = \"https://h:8443\"\nclient_key = \"secret\"\n",
        )
        .expect("parses");
        let region = file.regions.into_iter().next().expect("one").region();
        assert_eq!(region.options.keys().collect::<Vec<_>>(), ["url"]);
        assert!(region.credentials.get("client_key").is_some());
    }
}
