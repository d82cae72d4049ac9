//! Environments as they are shown: with their application, provider and servers.

use std::collections::HashMap;
use std::time::Duration;

use domain::account::Actor;
use domain::environment::{Application, Environment, Provider};
use domain::server::Server;
use domain::{EnvironmentId, Error, PublicId, Result};

use crate::app::App;
use crate::operations::wait;

/// An environment with all that stands around it.
#[derive(Debug, Clone)]
pub struct EnvironmentView {
    /// The environment.
    pub environment: Environment,
    /// Its application.
    pub application: Application,
    /// Its provider.
    pub provider: Provider,
    /// Its living servers.
    pub servers: Vec<Server>,
}

// === impl EnvironmentView ===

impl EnvironmentView {
    /// Whether every server runs and its packages work.
    pub fn is_ready(&self) -> bool {
        !self.environment.deleting && self.servers.iter().all(Server::is_ready)
    }

    /// One word for a user.
    pub fn status(&self) -> &'static str {
        let some = |status: &str| self.servers.iter().any(|server| server.status() == status);
        if self.environment.deleting {
            "deleting"
        } else if self.is_ready() {
            "ready"
        } else if some("failed") || some("lost") {
            "degraded"
        } else if self
            .servers
            .iter()
            .all(|server| server.status() == "stopped")
        {
            "stopped"
        } else if self.servers.iter().any(|server| server.error.is_some()) {
            // A start that failed among them, or a server that was switched off outside.
            "degraded"
        } else {
            "working"
        }
    }
}

/// The organisation's environments.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<EnvironmentView>> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let environments = store::environments::list(&mut session, organisation).await?;
    let applications = store::applications::list(&mut session, organisation).await?;
    let providers = store::providers::list(&mut session, organisation).await?;
    let mut servers: HashMap<EnvironmentId, Vec<Server>> = HashMap::new();
    for server in store::servers::list(&mut session, organisation).await? {
        if let Some(environment) = server.environment_id {
            servers.entry(environment).or_default().push(server);
        }
    }
    environments
        .into_iter()
        .map(|environment| {
            let application = applications
                .iter()
                .find(|application| application.id == environment.application_id);
            let provider = providers
                .iter()
                .find(|provider| provider.id == environment.provider_id);
            Ok(EnvironmentView {
                servers: servers.remove(&environment.id).unwrap_or_default(),
                application: application.cloned().ok_or_else(|| torn(&environment))?,
                provider: provider.cloned().ok_or_else(|| torn(&environment))?,
                environment,
            })
        })
        .collect()
}

/// The organisation's environment with that id.
pub async fn find(app: &App, actor: &Actor, id: &PublicId) -> Result<EnvironmentView> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let environment = store::environments::by_public_id(&mut session, organisation, id)
        .await?
        .ok_or_else(|| Error::not_found("environment"))?;
    let applications = store::applications::list(&mut session, organisation).await?;
    let application = applications
        .into_iter()
        .find(|application| application.id == environment.application_id);
    Ok(EnvironmentView {
        application: application.ok_or_else(|| torn(&environment))?,
        provider: store::providers::by_id(&mut session, organisation, environment.provider_id)
            .await?,
        servers: store::servers::of_environment(&mut session, organisation, environment.id).await?,
        environment,
    })
}

fn torn(environment: &Environment) -> Error {
    Error::internal(format!(
        "environment {} has lost its application or provider",
        environment.id
    ))
}

/// Waits until an environment is ready, or can't become so by itself (a server failed), for `bound` at the most.
/// `None`: it is still being worked on, or can't be watched at the moment; that it is to be made is committed by now.
pub async fn wait_ready(app: &App, actor: &Actor, id: &PublicId, bound: Duration) -> Option<bool> {
    let watched = wait::until(app, bound, || async {
        let view = find(app, actor, id).await?;
        let settled =
            |server: &Server| server.is_ready() || matches!(server.status(), "failed" | "lost");
        Ok(view.servers.iter().all(settled).then(|| view.is_ready()))
    })
    .await;
    watched.unwrap_or_else(|error| {
        tracing::warn!(error = error.private(), "an environment can't be watched");
        None
    })
}
