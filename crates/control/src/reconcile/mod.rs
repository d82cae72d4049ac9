//! The reconcilers: they compare what is wanted with what the clouds show, and repair or report the difference.
//!
//! One task for each account in each region: it follows the cloud's events where there are any, looks when it is nudged
//! and once in a period, and is no other's business when its cloud is slow or away. They take no input and are
//! idempotent. Leases that ran out need no reconciler: the queue's claim takes them up. Beside these tasks one charges what
//! is due, one lets environments go that have nothing left, one deletes snapshots that clouds kept, and one looks how large
//! the operator's regions are.

mod charging;
pub mod drift;
mod ended;
mod orphans;
mod outlived;
mod rooms;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clouds::Change;
use domain::{Error, ErrorKind, Result, random};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use orphans::{Removal, adopt, remove};

use crate::app::{Account, App, HOUSE, OPERATORS};

/// After a nudge, so much more may happen before it is looked at.
const GATHER: Duration = Duration::from_millis(500);

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(120);

/// So many accounts are looked at at once.
const AT_ONCE: usize = 16;

/// How often it is asked which accounts there are.
const CENSUS: Duration = Duration::from_secs(5);

/// What was destroyed in an account is looked for, for so long.
const AFTERMATH: Duration = Duration::from_hours(7 * 24);

/// Whose turn it is to look. Customers' clouds may take as long as they are allowed to; the operator's own wait for none
/// of them.
struct Turns {
    house: Arc<Semaphore>,
    customers: Arc<Semaphore>,
}

/// One account's task.
struct Watch {
    // Opened anew when the operator changes a region: then the task is begun anew as well.
    account: Account,
    task: JoinHandle<()>,
}

// === impl Watch ===

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A task that ends with whoever holds this.
struct Beside<T>(JoinHandle<T>);

// === impl Beside ===

impl<T> Drop for Beside<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    let _charging = Beside(tokio::spawn(charging::run(app.clone())));
    let ended = |of_house| Beside(tokio::spawn(ended::run(app.clone(), of_house)));
    let _ended = [true, false].map(ended);
    let _outlived = Beside(tokio::spawn(outlived::run(app.clone())));
    let _rooms = Beside(tokio::spawn(rooms::run(app.clone())));
    let mut watches: HashMap<(String, String), Watch> = HashMap::new();
    let turns = Turns {
        house: Arc::new(Semaphore::new(AT_ONCE)),
        customers: Arc::new(Semaphore::new(AT_ONCE)),
    };
    loop {
        match accounts(&app).await {
            Ok(accounts) => follow(&app, &turns, &mut watches, accounts),
            Err(error) => tracing::warn!(
                error = error.private(),
                message = error.message(),
                "the reconcilers can't read which accounts there are"
            ),
        }
        if let Err(error) = count(&app).await {
            tracing::warn!(error = error.private(), "the orphans can't be counted");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(CENSUS.min(app.settings.reconcile_every)) => {}
        }
    }
}

/// Begins the tasks of new accounts and ends those of accounts that are no more.
fn follow(
    app: &App,
    turns: &Turns,
    watches: &mut HashMap<(String, String), Watch>,
    accounts: Vec<(Label, Account)>,
) {
    let key = |account: &Account| (account.key.clone(), account.region.clone());
    watches.retain(|known, watch| {
        !watch.task.is_finished()
            && accounts.iter().any(|(_, account)| {
                key(account) == *known && Arc::ptr_eq(&account.cloud, &watch.account.cloud)
            })
    });
    for (label, account) in accounts {
        watches.entry(key(&account)).or_insert_with(|| {
            let turns = if account.is_house() {
                &turns.house
            } else {
                &turns.customers
            };
            let watching = watch(app.clone(), Arc::clone(turns), label, account.clone());
            Watch {
                account,
                task: tokio::spawn(watching),
            }
        });
    }
}

/// Looks at one account, for ever.
async fn watch(app: App, turns: Arc<Semaphore>, label: Label, account: Account) {
    let mut changes = None;
    loop {
        // Before the look, so that nothing happens unseen between the two.
        if changes.is_none() {
            changes = account.cloud.changes().await;
        }
        let turn = turns.acquire().await;
        let began = Instant::now();
        if let Err(error) = look_in_time(&app, &label, &account).await {
            tracing::info!(
                account = account.key,
                region = account.region,
                error = error.message(),
                "an account could not be looked at"
            );
        }
        drop(turn);
        // Not all at the same moment.
        let period = app
            .settings
            .reconcile_every
            .mul_f64(0.9 + random::fraction() / 5.0);
        // Where a look takes long, events come in all the time: it is not looked without a pause.
        let gather = GATHER.max(began.elapsed() * 4).min(period);
        tokio::select! {
            nudged = nudge(&mut changes) => if nudged {
                tokio::time::sleep(gather).await;
            },
            () = tokio::time::sleep(period) => {}
        }
    }
}

/// Waits for an event; false, after a pause, when the stream of them has ended and is to be opened again.
async fn nudge(changes: &mut Option<BoxStream<'static, Change>>) -> bool {
    let Some(stream) = changes else {
        return std::future::pending().await;
    };
    if stream.next().await.is_none() {
        *changes = None;
        tokio::time::sleep(GATHER).await;
        return false;
    }
    // What else is there already is seen by the same look.
    while let Some(Some(_)) = futures::FutureExt::now_or_never(stream.next()) {}
    true
}

/// One look at every account, for the operator's command.
pub async fn once(app: &App) -> Result<()> {
    for (label, account) in accounts(app).await? {
        if let Err(error) = look_in_time(app, &label, &account).await {
            // One account that does not answer says nothing about the others.
            tracing::info!(
                account = account.key,
                region = account.region,
                error = error.message(),
                "an account could not be looked at"
            );
        }
    }
    count(app).await
}

async fn count(app: &App) -> Result<()> {
    let mut session = app.store.read().await?;
    let reported = store::orphans::count_reported(&mut session).await?;
    app.metrics
        .set_orphans(usize::try_from(reported).unwrap_or_default());
    Ok(())
}

async fn look_in_time(app: &App, label: &Label, account: &Account) -> Result<()> {
    let looked = tokio::time::timeout(LOOK, look(app, label, account)).await;
    looked.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::CloudUnavailable,
            "it did not answer in time",
        ))
    })
}

async fn look(app: &App, label: &Label, account: &Account) -> Result<()> {
    // Before the list is asked for: what another look has found since is not forgotten for not being in it.
    let began = app.clock().now();
    let seen = account
        .cloud
        .list(&account.region, &app.installation)
        .await
        .map_err(crate::operations::retry::as_error)?;
    let own = drift::compare_all(app, label.provider, account, &seen).await?;
    let others: Vec<_> = seen
        .into_iter()
        .filter(|instance| !own.contains(&instance.at.id))
        .collect();
    orphans::compare(app, &label.name, account, &others, began).await
}

/// How an account is called in the database.
pub(crate) struct Label {
    name: String,
    /// `None` is the house.
    pub(crate) provider: Option<domain::ProviderId>,
}

/// All accounts; one that can't be opened is left out, and told of once.
pub(crate) async fn accounts(app: &App) -> Result<Vec<(Label, Account)>> {
    let since = app.clock().now().minus(AFTERMATH);
    let mut session = app.store.read().await?;
    let regions = store::house::regions(&mut session).await?;
    let providers = store::providers::all(&mut session, since).await?;
    let mut accounts = Vec::new();
    for region in regions {
        match app.house_account(&region) {
            Ok(account) => accounts.push((
                Label {
                    name: OPERATORS.to_owned(),
                    provider: None,
                },
                account,
            )),
            Err(error) => app.tell_once(&format!("region {}", region.slug), &error),
        }
    }
    for provider in providers
        .into_iter()
        .filter(|provider| provider.kind != HOUSE)
    {
        let lived = store::servers::regions_of_provider(&mut session, provider.id, since).await?;
        for region in lived {
            match app.account(&provider, &region).await {
                Ok(account) => {
                    let label = Label {
                        name: provider.public_id.to_string(),
                        provider: Some(provider.id),
                    };
                    accounts.push((label, account));
                }
                Err(error) => app.tell_once(&format!("provider {}", provider.public_id), &error),
            }
        }
    }
    Ok(accounts)
}
