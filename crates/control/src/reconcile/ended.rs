//! Lets environments go that are to, and whose servers have all gone before: where a request could not see to it itself, for
//! its cloud did not answer, or the process died.

use std::time::Duration;

use domain::Result;
use domain::environment::Environment;
use futures::StreamExt;
use futures::stream;

use super::AT_ONCE;
use crate::app::App;
use crate::environments;

/// How long one cloud may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs for ever.
pub(super) async fn run(app: App) {
    loop {
        tokio::time::sleep(app.settings.reconcile_every).await;
        if let Err(error) = look(&app).await {
            tracing::warn!(
                error = error.private(),
                "the environments that are to go can't be looked at"
            );
        }
    }
}

async fn look(app: &App) -> Result<()> {
    let ended = store::environments::ended(&mut app.store.read().await?).await?;
    // One whose cloud is away is not the others' business.
    let all = stream::iter(ended);
    all.for_each_concurrent(AT_ONCE, |environment| end(app.clone(), environment))
        .await;
    Ok(())
}

async fn end(app: App, environment: Environment) {
    match tokio::time::timeout(PATIENCE, environments::end(&app, &environment, false)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(
            environment = %environment.id,
            error = error.message(),
            "an environment can't go yet"
        ),
        Err(_) => {
            tracing::info!(environment = %environment.id, "its cloud does not let an environment go in time");
        }
    }
}
