//! What an environment's cloud shows of it now.

use std::time::Duration;

use domain::account::Actor;
use domain::{PublicId, Result};

use super::view::{self, EnvironmentView};
use crate::app::App;
use crate::reconcile::drift;

/// How long the cloud may take to answer before what was last seen is shown.
const PATIENCE: Duration = Duration::from_secs(5);

/// An environment after a look at its cloud.
pub struct Queried {
    /// The environment.
    pub view: EnvironmentView,
    /// Why the cloud could not be asked; what is shown was seen before.
    pub stale: Option<String>,
}

/// Looks at the cloud, and shows what it shows.
pub async fn query(app: &App, actor: &Actor, id: &PublicId) -> Result<Queried> {
    let view = view::find(app, actor, id).await?;
    let looking = async {
        let account = app
            .account(&view.provider, &view.environment.region)
            .await?;
        drift::look(app, &account, &view.servers).await
    };
    let stale = match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.message().to_owned()),
        Err(_) => Some("the cloud does not answer".to_owned()),
    };
    Ok(Queried {
        view: view::find(app, actor, id).await?,
        stale,
    })
}
