//! What every use case works with: the store, the opened clouds, the operator's settings.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouds::registry::{self, Settings as Opening};
use clouds::{Budget, Cloud};
use domain::account::Actor;
use domain::credentials::Credentials;
use domain::environment::Provider;
use domain::quota::Limits;
use domain::{Clock, Error, ProviderId, Result};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use store::Store;
use store::version::Version;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::accounts::throttle::Throttle;
use crate::accounts::{Signer, TokenHash, passwords};
use crate::billing::BillingSettings;
use crate::billing::payment::{self, PaymentProvider};
use crate::kept::Kept;
use crate::metrics::Metrics;
use crate::together::Together;

/// The kind of provider that stands for the operator's own regions.
pub const HOUSE: &str = "arcus";

/// What the accounts of the operator's regions are called together, where customers' are called by their ids.
pub const OPERATORS: &str = "house";

/// The simulated cloud's kind, and its region's slug.
pub const SANDBOX: &str = "sandbox";

/// The region of an account whose every address is one region.
const ONLY_REGION: &str = "default";

/// About how much memory an actor takes, in bytes.
const ACTOR: u64 = 1 << 10;

/// How many actors are kept.
const MOST_ACTORS: u64 = 4 << 10;

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anybody.
    Open,
    /// Who has an invitation.
    Invite,
    /// Nobody; the operator adds users.
    Closed,
}

/// What is done with an instance that bears our tag and that no server accounts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanPolicy {
    /// It is reported to the operator.
    Report,
    /// It is destroyed once it has been seen for an hour.
    Remove,
}

/// The operator's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may register.
    pub registration: Registration,
    /// Whether secrets in `provider_meta` are shown in the clear.
    pub reveal_provider_secrets: bool,
    /// The simulated cloud's file, where the operator enabled it.
    pub sandbox: Option<PathBuf>,
    /// How long a request waits for an environment to be ready unless it says otherwise.
    pub ready_wait: Duration,
    /// How long a worker's lease lasts; it is renewed four times as often.
    pub lease: Duration,
    /// Operations that run at once here.
    pub workers: usize,
    /// Operations that run at once for one organisation on one account.
    pub workers_per_lane: usize,
    /// Calls on their way at once, for each set of credentials; by their kind where not set.
    pub calls_at_once: Option<usize>,
    /// Calls begun per second, for each set of credentials.
    pub calls_per_second: Option<NonZeroU32>,
    /// How often the reconcilers look, when nothing nudges them.
    pub reconcile_every: Duration,
    /// How often the servers' traffic is read.
    pub sample_every: Duration,
    /// What is done with orphans.
    pub orphans: OrphanPolicy,
    /// How long the policy `Remove` lets an orphan be, so that its owner can speak up.
    pub orphans_after: Duration,
    /// The most servers that one environment may have.
    pub max_nodes: usize,
    /// Whether a cloud account that a customer adds may be on a private network or on this machine.
    pub allow_private_networks: bool,
    /// Other addresses of the customers' clouds than their own, by the kind of cloud.
    pub endpoints: HashMap<String, String>,
    /// What servers in the operator's own regions cost, and whom.
    pub billing: BillingSettings,
    /// What an organisation may have there, unless it has limits of its own.
    pub quota: Limits,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What [`App`] points to.
pub struct Inner {
    /// The database.
    pub store: Store,
    /// The operator's settings.
    pub settings: Settings,
    /// This installation's id, in every tag.
    pub installation: String,
    /// What is counted.
    pub metrics: Metrics,
    /// Cancelled when this process is to stop: waits end, and nothing new is begun.
    pub shutdown: CancellationToken,
    clouds: Mutex<HashMap<String, Opened>>,
    told: Mutex<HashMap<String, String>>,
    budgets: Mutex<HashMap<String, Budget>>,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) decoy: String,
    pub(crate) logins: Throttle,
    pub(crate) signer: Signer,
    /// Who has a token, by its hash, and the second from which on it is not good any more.
    pub(crate) actors: Kept<TokenHash, (i64, Actor)>,
    versions: Together<(), Version>,
    /// The providers whose offer is being asked for in the background.
    pub(crate) refreshing: Mutex<HashSet<ProviderId>>,
    pub(crate) payments: Option<Box<dyn PaymentProvider>>,
}

struct Opened {
    // What it was opened with: when the operator changes a region, it is opened anew.
    with: String,
    cloud: Arc<dyn Cloud>,
}

/// A cloud account in one region: whose calls they are, and how to make them.
#[derive(Clone)]
pub struct Account {
    /// `house:REGION` or `provider:KEY`: what lanes go by.
    pub key: String,
    /// The opened driver.
    pub cloud: Arc<dyn Cloud>,
    /// In which region.
    pub region: String,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            reveal_provider_secrets: false,
            sandbox: None,
            ready_wait: Duration::from_secs(30),
            lease: Duration::from_secs(15),
            workers: 1024,
            workers_per_lane: 256,
            calls_at_once: None,
            calls_per_second: None,
            reconcile_every: Duration::from_secs(60),
            sample_every: Duration::from_secs(60),
            orphans: OrphanPolicy::Report,
            orphans_after: Duration::from_hours(1),
            max_nodes: 100,
            allow_private_networks: false,
            endpoints: HashMap::new(),
            billing: BillingSettings::default(),
            quota: Limits::default(),
        }
    }
}

// === impl Account ===

impl Account {
    /// Whether it is the operator's own.
    pub fn is_house(&self) -> bool {
        self.key.starts_with("house:")
    }
}

// === impl App ===

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Reads or makes the installation's id.
    pub async fn new(store: Store, settings: Settings) -> Result<Self> {
        let mut session = store.write().await?;
        let installation = store::settings::installation(&mut session).await?;
        let signing = store::settings::signing_key(&mut session).await?;
        session.commit().await?;
        let payments = payment::provider(&settings.billing)?;
        Ok(Self(Arc::new(Inner {
            store,
            settings,
            installation,
            metrics: Metrics::default(),
            shutdown: CancellationToken::new(),
            clouds: Mutex::default(),
            told: Mutex::default(),
            budgets: Mutex::default(),
            hashing: Arc::new(Semaphore::new(passwords::AT_ONCE)),
            decoy: passwords::decoy(),
            logins: Throttle::default(),
            signer: Signer::new(&signing),
            actors: Kept::new(MOST_ACTORS * ACTOR, |_| ACTOR),
            versions: Together::default(),
            refreshing: Mutex::default(),
            payments,
        })))
    }

    /// How the database stands now, asked after this call; those who ask at the same time ask together.
    pub(crate) async fn version(&self) -> Version {
        let asked = self
            .versions
            .get((), || async { Ok(self.store.version().await) });
        // Asking says no: what can't be asked for is a version too.
        asked.await.unwrap_or_default()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        self.store.clock()
    }

    /// Warns that something can't be opened, once for each reason: it is tried again all the time.
    pub(crate) fn tell_once(&self, what: &str, error: &Error) {
        let why = error.message().to_owned();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(what.to_owned(), why).as_deref() != Some(error.message()) {
            tracing::warn!(
                what,
                error = error.message(),
                "a cloud account can't be opened"
            );
        }
    }

    /// The account behind a provider in a region.
    ///
    /// Errors: `Invalid` when the operator has no such region, or its cloud can't be opened.
    pub async fn account(&self, provider: &Provider, region: &str) -> Result<Account> {
        if provider.kind == HOUSE {
            let mut session = self.store.read().await?;
            let house = store::house::region_by_slug(&mut session, region).await?;
            drop(session);
            let house = house.ok_or_else(|| {
                Error::invalid(format!("there is no region {region:?}")).field("region")
            })?;
            return self.house_account(&house);
        }
        let (options, region) = match provider.kind.as_str() {
            SANDBOX => (self.sandbox_options()?, SANDBOX),
            kind => (self.customer_options(kind), reached(kind, region)),
        };
        let key = format!("provider:{}", provider.id);
        let opening = Opening {
            region: region.to_owned(),
            options,
            credentials: provider.credentials.clone(),
            budget: self.budget(&provider.kind, &key, &provider.credentials),
        };
        let cloud = self.open(&key, &provider.kind, opening)?;
        Ok(Account {
            key,
            cloud,
            region: region.to_owned(),
        })
    }

    /// The account behind one of the operator's own regions.
    pub fn house_account(&self, region: &store::house::HouseRegion) -> Result<Account> {
        let mut options = region.options.clone();
        if region.cloud == SANDBOX {
            options.extend(self.sandbox_options()?);
        } else {
            // Only the operator's own regions may be reached by way of this machine's sockets.
            options.insert("local".to_owned(), Value::Bool(true));
        }
        options.insert("name".to_owned(), Value::String(region.name.clone()));
        options.insert("open".to_owned(), Value::Bool(region.open));
        let key = format!("house:{}", region.slug);
        let opening = Opening {
            region: region.slug.clone(),
            options,
            credentials: region.credentials.clone(),
            budget: self.budget(&region.cloud, &key, &region.credentials),
        };
        let cloud = self.open(&key, &region.cloud, opening)?;
        Ok(Account {
            key,
            cloud,
            region: region.slug.clone(),
        })
    }

    /// Opens a provider that is not stored yet, to check its credentials.
    pub fn open_unsaved(&self, kind: &str, credentials: Credentials) -> Result<Arc<dyn Cloud>> {
        let (options, region) = match kind {
            SANDBOX => (self.sandbox_options()?, SANDBOX),
            kind => (self.customer_options(kind), ONLY_REGION),
        };
        open(
            kind,
            Opening {
                region: region.to_owned(),
                options,
                credentials,
                budget: self.new_budget(kind),
            },
        )
    }

    /// What a customer's account is opened with besides its credentials: nothing of it is the customer's to say.
    fn customer_options(&self, kind: &str) -> Map<String, Value> {
        let private = Value::Bool(self.settings.allow_private_networks);
        let mut options = Map::from_iter([("private_networks".to_owned(), private)]);
        if let Some(address) = self.settings.endpoints.get(kind) {
            options.insert("endpoint".to_owned(), Value::String(address.clone()));
        }
        options
    }

    fn sandbox_options(&self) -> Result<Map<String, Value>> {
        let path = self.settings.sandbox.as_ref().ok_or_else(|| {
            Error::invalid(
                "the simulated cloud is off; the operator can switch it on with --sandbox",
            )
        })?;
        let path = Value::String(path.to_string_lossy().into_owned());
        Ok(Map::from_iter([("path".to_owned(), path)]))
    }

    fn open(&self, key: &str, kind: &str, opening: Opening) -> Result<Arc<dyn Cloud>> {
        let with = fingerprint(kind, &opening);
        let mut clouds = self.clouds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = clouds.get(key)
            && opened.with == with
        {
            return Ok(Arc::clone(&opened.cloud));
        }
        let cloud = open(kind, opening)?;
        clouds.insert(
            key.to_owned(),
            Opened {
                with,
                cloud: Arc::clone(&cloud),
            },
        );
        Ok(cloud)
    }

    /// The budget of those credentials, whoever else uses them; of the account, where it needs none.
    fn budget(&self, kind: &str, account: &str, credentials: &Credentials) -> Budget {
        let key = if credentials.reveal().is_empty() {
            account.to_owned()
        } else {
            digest(kind, credentials)
        };
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets
            .entry(key)
            .or_insert_with(|| self.new_budget(kind))
            .clone()
    }

    fn new_budget(&self, kind: &str) -> Budget {
        let kinds = registry::kind(kind).map(|kind| kind.calls_at_once);
        let at_once = self.settings.calls_at_once.or(kinds).unwrap_or(1);
        Budget::new(at_once, self.settings.calls_per_second)
    }
}

/// The region of an account of that kind which a server's region means.
fn reached<'a>(kind: &str, region: &'a str) -> &'a str {
    if registry::kind(kind).is_some_and(|kind| kind.many_regions) {
        region
    } else {
        ONLY_REGION
    }
}

fn open(kind: &str, opening: Opening) -> Result<Arc<dyn Cloud>> {
    let kind = registry::kind(kind)
        .ok_or_else(|| Error::invalid(format!("there is no cloud of the kind {kind:?}")))?;
    (kind.open)(opening).map_err(crate::operations::retry::as_error)
}

/// A hash, so that no secret is kept twice.
fn fingerprint(kind: &str, opening: &Opening) -> String {
    let options = Value::Object(opening.options.clone()).to_string();
    format!("{} {options}", digest(kind, &opening.credentials))
}

fn digest(kind: &str, credentials: &Credentials) -> String {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(kind);
    for name in credentials.reveal().keys() {
        for part in [
            name.as_str(),
            credentials
                .get(name)
                .map_or("", |value| value.expose_secret()),
        ] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
    }
    hex::encode(hasher.finalize())
}
