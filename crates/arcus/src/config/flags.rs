//! The flags of `arcus serve`, and where every command finds what Arcus keeps; each may be an `ARCUS_*` variable instead.
//!
//! Read by `config`, and by the commands that go by [`Place`] alone.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::MoneyFlags;

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
    /// Offer the Incus of this machine as the region `local`, while no region of a real cloud is set up; so unless set.
    #[arg(long, env = "ARCUS_FIND_INCUS")]
    pub(crate) find_incus: Option<bool>,
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

// === impl Place ===

impl Place {
    /// The simulated cloud's file.
    pub(crate) fn sandbox(&self) -> PathBuf {
        self.data_dir.join("sandbox.db")
    }
}
