//! The reconcilers: they compare what is wanted with what the clouds show, and repair or report the difference.
//!
//! They take no input and are idempotent; they run on a nudge (a cloud's event) and on a period. Leases that ran out
//! need no reconciler: the queue's claim takes them up.

pub mod drift;
mod orphans;

use std::time::Duration;

use clouds::Change;
use domain::Result;
use futures::StreamExt;
use futures::stream::SelectAll;
use tokio_util::sync::CancellationToken;

pub use orphans::{adopt, remove};

use crate::app::{Account, App, HOUSE};

/// After a nudge, so much more may happen before it is looked at.
const GATHER: Duration = Duration::from_millis(500);

/// Runs until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    loop {
        if let Err(error) = once(&app).await {
            tracing::warn!(
                error = error.private(),
                message = error.message(),
                "the reconcilers could not look"
            );
        }
        let nudged = async {
            let mut changes = changes(&app).await;
            match changes.next().await {
                Some(_) => tokio::time::sleep(GATHER).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = nudged => {}
            () = tokio::time::sleep(app.settings.reconcile_every) => {}
        }
    }
}

/// One look at every account.
pub async fn once(app: &App) -> Result<()> {
    for (label, account) in accounts(app).await? {
        if let Err(error) = look(app, &label, &account).await {
            // One account that does not answer says nothing about the others.
            tracing::info!(
                account = account.key,
                region = account.region,
                error = error.message(),
                "an account could not be looked at"
            );
        }
    }
    let mut session = app.store.read().await?;
    let reported = store::orphans::list(&mut session).await?;
    app.metrics.set_orphans(
        reported
            .iter()
            .filter(|orphan| orphan.state == "reported")
            .count(),
    );
    Ok(())
}

async fn look(app: &App, label: &Label, account: &Account) -> Result<()> {
    let seen = account
        .cloud
        .list(&account.region, &app.installation)
        .await
        .map_err(crate::operations::retry::as_error)?;
    drift::compare_all(app, label.provider, account, &seen).await?;
    orphans::compare(app, &label.name, account, &seen).await
}

/// How an account is called in the database.
struct Label {
    name: String,
    provider: Option<domain::ProviderId>,
}

async fn accounts(app: &App) -> Result<Vec<(Label, Account)>> {
    let mut session = app.store.read().await?;
    let regions = store::house::regions(&mut session).await?;
    let providers = store::providers::all(&mut session).await?;
    let mut accounts = Vec::new();
    for region in regions {
        match app.house_account(&region) {
            Ok(account) => accounts.push((
                Label {
                    name: "house".to_owned(),
                    provider: None,
                },
                account,
            )),
            Err(error) => tracing::warn!(
                region = region.slug,
                error = error.message(),
                "a region can't be opened"
            ),
        }
    }
    for provider in providers
        .into_iter()
        .filter(|provider| provider.kind != HOUSE)
    {
        for region in store::servers::regions_of_provider(&mut session, provider.id).await? {
            if let Ok(account) = app.account(&provider, &region).await {
                let label = Label {
                    name: provider.public_id.to_string(),
                    provider: Some(provider.id),
                };
                accounts.push((label, account));
            }
        }
    }
    Ok(accounts)
}

async fn changes(app: &App) -> SelectAll<futures::stream::BoxStream<'static, Change>> {
    let mut all = SelectAll::new();
    for (_, account) in accounts(app).await.unwrap_or_default() {
        if let Some(changes) = account.cloud.changes().await {
            all.push(changes);
        }
    }
    all
}
