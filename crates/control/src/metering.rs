//! Metering: reads the hypervisors' traffic counters and adds up what went through every server.
//!
//! [`run`] is a task of every replica; operations that switch a server off call [`sample_one`] just before, as counters
//! begin anew with the next start. What must stay true: the last reading is looked up before the cloud is asked, and the
//! store takes the new one only where that is still the last, so that nothing is counted twice; a cloud that is slow or
//! away costs nobody else a reading.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clouds::{CloudError, CloudResult, ErrorClass, InstanceRef, Tag};
use domain::server::Server;
use domain::traffic::{Bytes, Reading, Resolution};
use domain::{ProviderId, Result, ServerId, random};
use futures::StreamExt;
use store::traffic::Due;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::app::{Account, App};
use crate::operations::retry;
use crate::reconcile::accounts;

/// So many servers of one account are read at once: its budget is for its owner's requests before all.
const AT_ONCE: usize = 8;

/// So many accounts are read at once.
const ACCOUNTS_AT_ONCE: usize = 16;

/// How long the readings of one account may take.
const PASS: Duration = Duration::from_mins(5);

/// How long an operation waits for the last reading before it switches a server off.
const LAST_READING: Duration = Duration::from_secs(3);

/// Runs until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    // Customers' clouds may take as long as they are allowed to; the operator's own wait for none of them.
    let house = Arc::new(Semaphore::new(ACCOUNTS_AT_ONCE));
    let customers = Arc::new(Semaphore::new(ACCOUNTS_AT_ONCE));
    let mut under_way: HashMap<(String, String), AbortOnDropHandle<()>> = HashMap::new();
    loop {
        under_way.retain(|_, reading| !reading.is_finished());
        match accounts(&app).await {
            Ok(accounts) => {
                for (label, account) in accounts {
                    let turns = if account.is_house() {
                        &house
                    } else {
                        &customers
                    };
                    let (app, turns) = (app.clone(), Arc::clone(turns));
                    let key = (account.key.clone(), account.region.clone());
                    // One that is not through with its last turn goes without this one.
                    under_way.entry(key).or_insert_with(|| {
                        AbortOnDropHandle::new(tokio::spawn(async move {
                            let _turn = turns.acquire().await;
                            sample_account(&app, label.provider, &account).await;
                        }))
                    });
                }
            }
            Err(error) => tracing::warn!(
                error = error.private(),
                message = error.message(),
                "the metering can't read which accounts there are"
            ),
        }
        if let Err(error) = tidy(&app).await {
            tracing::warn!(
                error = error.private(),
                message = error.message(),
                "old traffic can't be forgotten"
            );
        }
        // Replicas that were started together do not read together for ever.
        let period = app
            .settings
            .sample_every
            .mul_f64(0.9 + random::fraction() / 5.0);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
    }
}

/// Reads the counters of every running server of every account once, where nobody else has just done so, and forgets what
/// is too old.
pub async fn sample(app: &App) -> Result<()> {
    let accounts = futures::stream::iter(accounts(app).await?);
    accounts
        .for_each_concurrent(ACCOUNTS_AT_ONCE, |(label, account)| async move {
            sample_account(app, label.provider, &account).await;
        })
        .await;
    tidy(app).await
}

/// Reads a server's counters now, before they begin anew. Where that fails, what went through since the last reading is
/// not known, which is no reason to leave a server on.
pub(crate) async fn sample_one(app: &App, account: &Account, server: &Server) {
    let reading = async {
        let Some(cloud_id) = server.cloud_id.clone() else {
            return Ok(());
        };
        let mut session = app.store.read().await?;
        let last = store::traffic::last(&mut session, server.id).await?;
        drop(session);
        let due = Due {
            server: server.id,
            cloud_id,
            token: server.token.clone(),
            last,
        };
        let read = read(app, account, &due).await.map_err(retry::as_error)?;
        match read {
            Some(reading) => keep(app, &[(due, reading)]).await,
            None => Ok(()),
        }
    };
    let done = tokio::time::timeout(LAST_READING, reading).await;
    let why = match &done {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.message(),
        Err(_) => "its cloud did not answer in time",
    };
    tracing::debug!(server = %server.id, error = why, "the last traffic of a server was not read");
}

async fn sample_account(app: &App, provider: Option<ProviderId>, account: &Account) {
    let why = match tokio::time::timeout(PASS, sample_pages(app, provider, account)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.message().to_owned(),
        Err(_) => "it did not answer in time".to_owned(),
    };
    tracing::info!(
        account = account.key,
        region = account.region,
        error = why,
        "the traffic of an account's servers could not be read"
    );
}

async fn sample_pages(app: &App, provider: Option<ProviderId>, account: &Account) -> Result<()> {
    let before = app.clock().now().minus(app.settings.sample_every / 2);
    let mut after = ServerId(0);
    loop {
        let mut session = app.store.read().await?;
        let page =
            store::traffic::due(&mut session, provider, &account.region, after, before).await?;
        drop(session);
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.server;
        let (readings, failed) = read_page(app, account, page).await;
        keep(app, &readings).await?;
        match failed {
            // This cloud counts no traffic: nobody has to be told every minute.
            Some(error) if error.class == ErrorClass::Unsupported => return Ok(()),
            Some(error) => return Err(retry::as_error(error)),
            None => {}
        }
    }
}

/// Reads a page of servers, in their order, as far as their cloud answers.
async fn read_page(
    app: &App,
    account: &Account,
    page: Vec<Due>,
) -> (Vec<(Due, Reading)>, Option<CloudError>) {
    let mut answers = futures::stream::iter(page)
        .map(|due| async move { (read(app, account, &due).await, due) })
        .buffered(AT_ONCE);
    let mut readings = Vec::new();
    while let Some((read, due)) = answers.next().await {
        match read {
            Ok(Some(reading)) => readings.push((due, reading)),
            Ok(None) => {}
            // What is wrong with one server says nothing about the next.
            Err(error) if error.class == ErrorClass::Rejected => {}
            Err(error) => return (readings, Some(error)),
        }
    }
    (readings, None)
}

/// What a server's counters say now; `None` where its instance is not there or is another's by now.
async fn read(app: &App, account: &Account, due: &Due) -> CloudResult<Option<Reading>> {
    let at = InstanceRef {
        region: account.region.clone(),
        id: due.cloud_id.clone(),
    };
    let traffic = match account.cloud.traffic(&at).await {
        Ok(traffic) => traffic,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_known = due
        .last
        .as_ref()
        .is_some_and(|last| last.epoch == traffic.epoch && !last.epoch.is_empty());
    // Where an id is a name, other counters may be those of another one's instance.
    if !is_known && !is_own(app, account, &at, &due.token).await? {
        return Ok(None);
    }
    Ok(Some(Reading {
        at: app.clock().now(),
        epoch: traffic.epoch,
        counted: Bytes {
            received: traffic.received_bytes,
            sent: traffic.sent_bytes,
        },
    }))
}

async fn is_own(app: &App, account: &Account, at: &InstanceRef, token: &str) -> CloudResult<bool> {
    let tag = Tag {
        installation: app.installation.clone(),
        token: token.to_owned(),
    };
    match account.cloud.get(at).await {
        Ok(instance) => Ok(instance.tag == Some(tag)),
        Err(error) if error.class == ErrorClass::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Adds readings to what is known, in one transaction, in the order of their servers, as every replica does.
async fn keep(app: &App, readings: &[(Due, Reading)]) -> Result<()> {
    if readings.is_empty() {
        return Ok(());
    }
    let mut session = app.store.write().await?;
    for (due, reading) in readings {
        store::traffic::advance(&mut session, due.server, due.last.as_ref(), reading).await?;
    }
    session.commit().await
}

/// What is done about servers that are not read, and about samples that are not kept.
async fn tidy(app: &App) -> Result<()> {
    let before = app.clock().now().minus(app.settings.sample_every / 2);
    let mut session = app.store.write().await?;
    store::traffic::pass_over_stopped(&mut session, before).await?;
    session.commit().await?;
    for resolution in Resolution::ALL {
        loop {
            let mut session = app.store.write().await?;
            let more = store::traffic::prune(&mut session, resolution).await?;
            session.commit().await?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
