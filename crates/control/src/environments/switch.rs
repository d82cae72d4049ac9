//! Starting and stopping all servers of an environment at once, and waiting until each cloud has accepted it.

use std::time::Duration;

use domain::account::Actor;
use domain::operation::Operation;
use domain::server::{Desired, Power, Server};
use domain::{Error, ErrorKind, PublicId, Result};
use store::Session;

use super::view::{self, EnvironmentView};
use crate::app::App;
use crate::operations::{lane, wait};
use crate::servers;

/// What became of one server.
#[derive(Debug, Clone)]
pub struct Switched {
    /// The server.
    pub server: Server,
    /// How it went.
    pub outcome: Outcome,
}

/// How a change of one server went.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The cloud has accepted it.
    Accepted {
        /// What the server was doing before.
        previous: Power,
        /// What it does now.
        current: Power,
        /// The last name of a server that is being destroyed.
        new_name: Option<String>,
    },
    /// It was not taken under management yet, and stays at its cloud, doing what it does.
    GivenBack(Power),
    /// It failed, for this reason.
    Failed(String),
    /// It is still waiting or being tried; the reason is the last step of its operation.
    Pending(String),
}

/// Starts all servers that were made.
pub async fn start(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    bound: Duration,
) -> Result<(EnvironmentView, Vec<Switched>)> {
    switch(
        app,
        actor,
        id,
        Change::Power(Desired::Running),
        "environment.start",
        bound,
    )
    .await
}

/// Stops all servers that were made.
pub async fn stop(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    bound: Duration,
) -> Result<(EnvironmentView, Vec<Switched>)> {
    switch(
        app,
        actor,
        id,
        Change::Power(Desired::Stopped),
        "environment.stop",
        bound,
    )
    .await
}

/// Reboots all servers that were made.
pub async fn reboot(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    bound: Duration,
) -> Result<(EnvironmentView, Vec<Switched>)> {
    switch(app, actor, id, Change::Reboot, "environment.reboot", bound).await
}

#[derive(Clone, Copy)]
enum Change {
    Power(Desired),
    Reboot,
}

async fn switch(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    change: Change,
    action: &str,
    bound: Duration,
) -> Result<(EnvironmentView, Vec<Switched>)> {
    let view = view::find(app, actor, id).await?;
    let organisation = actor.organisation.id;
    let account = app
        .account(&view.provider, &view.environment.region)
        .await?;
    let lane = lane(organisation, &account);
    let mut session = app.store.write().await?;
    let environment = store::environments::lock(&mut session, organisation, view.environment.id)
        .await?
        .ok_or_else(|| Error::not_found("environment"))?;
    if environment.deleting {
        return Err(
            Error::conflict("the environment is being deleted; nothing was changed")
                .about(environment.public_id),
        );
    }
    // Read again under the lock: a node may have been added or removed since.
    let servers =
        store::servers::of_environment(&mut session, organisation, environment.id).await?;
    let (mut begun, mut refused) = (Vec::with_capacity(servers.len()), Vec::new());
    for server in servers {
        if server.desired == Desired::Destroyed {
            continue;
        }
        if let Err(error) = servers::must_be_managed(&mut session, &server).await {
            if error.kind() != ErrorKind::Conflict {
                return Err(error);
            }
            let outcome = Outcome::Failed(error.message().to_owned());
            refused.push(Switched { server, outcome });
            continue;
        }
        let operation = match change {
            Change::Power(desired) => {
                servers::switch(&mut session, actor, &server, desired, &lane).await?
            }
            Change::Reboot => servers::reboot(&mut session, actor, &server, &lane).await?,
        };
        begun.push((server, operation));
    }
    store::audit::record(&mut session, actor, action, id.as_str()).await?;
    session.commit().await?;
    let mut switched = wait_accepted(app, actor, begun, bound).await;
    switched.append(&mut refused);
    Ok((view, switched))
}

/// Waits until every operation is accepted by its cloud or over, for `bound` at the most. The change is committed by
/// now: where the wait itself fails, all that is said is that it goes on.
pub(super) async fn wait_accepted(
    app: &App,
    actor: &Actor,
    begun: Vec<(Server, Operation)>,
    bound: Duration,
) -> Vec<Switched> {
    let watching = async {
        let settled = wait::until(app, bound, || async {
            let mut session = app.store.read().await?;
            let switched = outcomes(&mut session, actor, &begun).await?;
            let waiting = switched
                .iter()
                .any(|switched| matches!(switched.outcome, Outcome::Pending(_)));
            Ok((!waiting).then_some(switched))
        })
        .await?;
        match settled {
            Some(switched) => Ok(switched),
            None => outcomes(&mut app.store.read().await?, actor, &begun).await,
        }
    };
    let watched: Result<_> = watching.await;
    watched.unwrap_or_else(|error| {
        tracing::warn!(
            error = error.private(),
            "what becomes of a change can't be watched"
        );
        let pending = |(server, _)| Switched {
            server,
            outcome: Outcome::Pending("queued".to_owned()),
        };
        begun.into_iter().map(pending).collect()
    })
}

async fn outcomes(
    session: &mut Session,
    actor: &Actor,
    begun: &[(Server, Operation)],
) -> Result<Vec<Switched>> {
    let organisation = actor.organisation.id;
    let mut switched = Vec::with_capacity(begun.len());
    for (_, operation) in begun {
        let operation = store::operations::by_id(session, organisation, operation.id).await?;
        let server = store::servers::by_id(session, organisation, operation.server_id).await?;
        let outcome = outcome(session, &operation, &server).await?;
        switched.push(Switched { server, outcome });
    }
    Ok(switched)
}

async fn outcome(session: &mut Session, operation: &Operation, server: &Server) -> Result<Outcome> {
    let power = |name: &str| {
        operation
            .output
            .get(name)
            .and_then(|power| power.as_str()?.parse().ok())
    };
    if let (Some(previous), Some(current)) = (power("previous"), power("current")) {
        if servers::is_given_back(operation) {
            return Ok(Outcome::GivenBack(current));
        }
        // Its cloud may have refused the last name: what it is called there is what the operation has recorded.
        let named = operation.output.get("newname");
        let new_name = named.and_then(|name| name.as_str()).map(str::to_owned);
        return Ok(Outcome::Accepted {
            previous,
            current,
            new_name,
        });
    }
    if let Some(error) = &operation.error {
        return Ok(Outcome::Failed(error.clone()));
    }
    if operation.status.is_final() {
        // It ended without a word to the cloud: there was nothing to switch off or to destroy.
        let current = server.power;
        return Ok(Outcome::Accepted {
            previous: current,
            current,
            new_name: server.deleted_name.clone(),
        });
    }
    let last = store::operations::last_event(session, operation.id).await?;
    Ok(Outcome::Pending(last.unwrap_or_default()))
}
