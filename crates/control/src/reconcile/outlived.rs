//! Deletes the snapshots that a cloud kept when their server went: its owner protects them there, or they were in use. Until
//! they are gone they are on their owner's list, and cost money.

use std::time::Duration;

use clouds::{CloudError, ErrorClass, InstanceRef};
use domain::server::Power;
use domain::{Error, ErrorKind, Result};
use futures::StreamExt;
use futures::stream;
use store::snapshots::Outlived;

use super::AT_ONCE;
use crate::app::App;
use crate::operations::retry;
use crate::servers::snapshots;

/// In so many periods one look: what is kept is mostly kept for long.
const PERIODS: u32 = 10;

/// How long one cloud may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs for ever.
pub(super) async fn run(app: App) {
    loop {
        tokio::time::sleep(app.settings.reconcile_every * PERIODS).await;
        if let Err(error) = look(&app).await {
            tracing::warn!(
                error = error.private(),
                "the snapshots that clouds keep can't be looked at"
            );
        }
    }
}

async fn look(app: &App) -> Result<()> {
    let all = store::snapshots::outlived(&mut app.store.read().await?).await?;
    stream::iter(all)
        .for_each_concurrent(AT_ONCE, |outlived| async move {
            let clearing = tokio::time::timeout(PATIENCE, clear(app, &outlived));
            let late = |_| {
                Err(Error::new(
                    ErrorKind::CloudUnavailable,
                    "it did not answer in time",
                ))
            };
            if let Err(error) = clearing.await.unwrap_or_else(late) {
                tracing::info!(
                    server = %outlived.server,
                    error = error.message(),
                    "a cloud keeps the snapshots of a server that is gone"
                );
            }
        })
        .await;
    Ok(())
}

/// Errors: whatever keeps the cloud from being asked, or from deleting all of them.
async fn clear(app: &App, outlived: &Outlived) -> Result<()> {
    let mut session = app.store.read().await?;
    let organisation = outlived.organisation;
    let provider = store::providers::by_id(&mut session, organisation, outlived.provider).await?;
    drop(session);
    let account = app.account(&provider, &outlived.region).await?;
    let at = InstanceRef {
        region: account.region.clone(),
        id: outlived.cloud_id.clone(),
    };
    let clearing = async {
        match account.cloud.get(&at).await {
            Ok(seen) if seen.power != Power::Terminated => {
                let why = format!("{} is there again: nothing of it was deleted", at.id);
                return Err(CloudError::new(ErrorClass::Rejected, why));
            }
            Err(error) if error.class != ErrorClass::NotFound => return Err(error),
            _ => {}
        }
        account.cloud.clear_gone(&at).await
    };
    let cleared = clouds::budget::on_behalf_of(organisation.0, clearing).await;
    let mut session = app.store.write().await?;
    match &cleared {
        Ok(()) => store::snapshots::mark_destroyed_with(&mut session, outlived.server).await?,
        Err(error) if matches!(error.class, ErrorClass::Rejected | ErrorClass::Auth) => {
            let why = snapshots::outlived(&error.message);
            store::snapshots::outlive(&mut session, outlived.server, &why).await?;
        }
        Err(_) => {}
    }
    session.commit().await?;
    cleared.map_err(retry::as_error)
}
