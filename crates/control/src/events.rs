//! Events: what was done to an organisation's servers, as a view of their operations.

use std::time::Duration;

use domain::account::Actor;
use domain::operation::Operation;
use domain::{Error, OperationId, Result};

use crate::app::App;

/// How far back the list goes.
const LISTED: Duration = Duration::from_hours(24);

/// What was asked for in the last day, and what is under way still, the oldest first.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Operation>> {
    let since = app.clock().now().minus(LISTED);
    let mut session = app.store.read().await?;
    store::operations::since(&mut session, actor.organisation.id, since).await
}

/// One event, however old. Errors: `NotFound`.
pub async fn find(app: &App, actor: &Actor, id: OperationId) -> Result<Operation> {
    let mut session = app.store.read().await?;
    store::operations::find(&mut session, actor.organisation.id, id)
        .await?
        .ok_or_else(|| Error::not_found("event"))
}
