//! Lets environments go that are to, and whose servers have all gone before: where a request could not see to it itself, for
//! its cloud did not answer, or the process died.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Result;
use domain::environment::Environment;
use futures::StreamExt;
use futures::stream;

use super::AT_ONCE;
use crate::app::{App, HOUSE};
use crate::environments;

/// How long one cloud may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs for ever: for the operator's regions, which wait for no customer's cloud, or for customers' accounts.
pub(super) async fn run(app: App, of_house: bool) {
    loop {
        tokio::time::sleep(app.settings.reconcile_every).await;
        if let Err(error) = look(&app, of_house).await {
            tracing::warn!(
                error = error.private(),
                "the environments that are to go can't be looked at"
            );
        }
    }
}

async fn look(app: &App, of_house: bool) -> Result<()> {
    let mut session = app.store.read().await?;
    let mut accounts: BTreeMap<_, Vec<Environment>> = BTreeMap::new();
    for environment in store::environments::ended(&mut session).await? {
        let account = (environment.provider_id.0, environment.region.clone());
        accounts.entry(account).or_default().push(environment);
    }
    let mut meant = Vec::new();
    for ended in accounts.into_values() {
        let Some(one) = ended.first() else { continue };
        let provider =
            store::providers::by_id(&mut session, one.organisation_id, one.provider_id).await?;
        if (provider.kind == HOUSE) == of_house {
            meant.push(ended);
        }
    }
    drop(session);
    let accounts = stream::iter(meant);
    accounts
        .for_each_concurrent(AT_ONCE, |ended| of_account(app.clone(), ended))
        .await;
    Ok(())
}

/// Those of one account, as many as it lets go in time: one that it keeps is not the others' business.
async fn of_account(app: App, ended: Vec<Environment>) {
    let account = ended.first().map(|one| one.provider_id);
    let all =
        stream::iter(ended).for_each_concurrent(AT_ONCE, |environment| end(&app, environment));
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        tracing::info!(?account, "a cloud does not let all environments go in time");
    }
}

async fn end(app: &App, environment: Environment) {
    if let Err(error) = environments::end(app, &environment, false).await {
        tracing::info!(
            environment = %environment.id,
            error = error.message(),
            "an environment can't go yet"
        );
    }
}
