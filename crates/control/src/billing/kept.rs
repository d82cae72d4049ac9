//! What `arcus serve` goes by, for the operator's commands: they charge, credit and suspend as it does, wherever they run and
//! whatever is set around them.
//!
//! Kept in the database at each start of `arcus serve`; of several replicas the one that was started last decides. Nothing
//! secret is among it.

use std::time::Duration;

use domain::quota::Limits;
use domain::{Error, Money, Result};
use serde::{Deserialize, Serialize};
use store::Store;

use super::settings::BillingSettings;
use crate::app::App;

/// The name that it is kept under.
const NAME: &str = "money";

/// What a command goes by.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What servers cost, and whom; without the payment provider.
    pub billing: BillingSettings,
    /// What an organisation may have.
    pub quota: Limits,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    on: bool,
    currency: String,
    starting_credit: Money,
    warn_below_hours: u32,
    destroy_after_secs: Option<u64>,
    seller: String,
    servers: u64,
    cpus: u64,
    memory_mib: u64,
    disk_gib: u64,
    snapshots: u64,
}

/// Keeps what this process goes by.
///
/// Errors: `Invalid` where the ledger is in another currency.
pub(super) async fn keep(app: &App) -> Result<()> {
    let written = Written::of(&app.settings.billing, &app.settings.quota);
    let mut session = app.store.write().await?;
    let known = store::settings::kept(&mut session, NAME).await?;
    if let Some(known) = known.as_deref().map(read).transpose()?
        && known.currency != written.currency
        && store::ledger::has_begun(&mut session).await?
    {
        return Err(Error::invalid(format!(
            "the ledger is in {0}, and amounts of it don't become {1} by being called so; nothing was changed: set the \
             currency of [billing] to {0} again",
            known.currency, written.currency
        )));
    }
    let text = serde_json::to_string(&written)
        .map_err(|error| Error::internal("settings can't be written as JSON").source(error))?;
    if known.as_ref() != Some(&text) {
        store::settings::keep(&mut session, NAME, &text).await?;
    }
    session.commit().await
}

/// What `arcus serve` goes by; `None` where it has not been started with this database yet.
pub async fn kept(store: &Store) -> Result<Option<Kept>> {
    let mut session = store.read().await?;
    let known = store::settings::kept(&mut session, NAME).await?;
    Ok(known.as_deref().map(read).transpose()?.map(Kept::from))
}

fn read(text: &str) -> Result<Written> {
    serde_json::from_str(text)
        .map_err(|error| Error::internal("the settings that were kept can't be read").source(error))
}

// === impl Written ===

impl Written {
    fn of(billing: &BillingSettings, quota: &Limits) -> Self {
        Self {
            on: billing.on,
            currency: billing.currency.clone(),
            starting_credit: billing.starting_credit,
            warn_below_hours: billing.warn_below_hours,
            destroy_after_secs: billing.destroy_after.map(|after| after.as_secs()),
            seller: billing.seller.clone(),
            servers: quota.servers,
            cpus: quota.cpus,
            memory_mib: quota.memory_mib,
            disk_gib: quota.disk_gib,
            snapshots: quota.snapshots,
        }
    }
}

// === impl Kept ===

impl From<Written> for Kept {
    fn from(written: Written) -> Self {
        Self {
            billing: BillingSettings {
                on: written.on,
                currency: written.currency,
                starting_credit: written.starting_credit,
                warn_below_hours: written.warn_below_hours,
                destroy_after: written.destroy_after_secs.map(Duration::from_secs),
                seller: written.seller,
                stripe: None,
            },
            quota: Limits {
                servers: written.servers,
                cpus: written.cpus,
                memory_mib: written.memory_mib,
                disk_gib: written.disk_gib,
                snapshots: written.snapshots,
            },
        }
    }
}
