//! Servers as their owner sees them: what they are, and what is under way for them.

use std::collections::HashMap;

use domain::account::Actor;
use domain::operation::OperationKind;
use domain::server::{Desired, Power, Server, Setup};
use domain::{Error, OperationId, Result, ServerId, names};

use crate::app::App;

/// A server and what is under way for it.
#[derive(Debug, Clone)]
pub struct ServerView {
    /// The server.
    pub server: Server,
    /// What it is doing, in one word.
    pub state: State,
    /// What is under way, in the order in which it is done.
    pub pending: Vec<OperationId>,
}

/// What a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is being made.
    Creating,
    /// It is on.
    Running,
    /// It is off.
    Stopped,
    /// It is going off, for good or not.
    Stopping,
    /// It is coming up.
    Starting,
    /// It is going off and coming up.
    Rebooting,
    /// Its system is being replaced.
    Rebuilding,
    /// Its size is being changed.
    Upgrading,
    /// Its disk is being put back.
    Restoring,
    /// It could not be made, or is lost.
    Error,
}

/// What a server's system calls itself: what its owner said, or else its name as a host name.
pub fn hostname(server: &Server) -> String {
    if server.hostname.is_empty() {
        names::slug(&server.name)
    } else {
        server.hostname.clone()
    }
}

/// The organisation's living servers.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<ServerView>> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let servers = store::servers::list(&mut session, organisation).await?;
    let pending = store::operations::pending_of_organisation(&mut session, organisation).await?;
    let mut of_server: HashMap<ServerId, Vec<(OperationId, OperationKind)>> = HashMap::new();
    for (server, id, kind) in pending {
        of_server.entry(server).or_default().push((id, kind));
    }
    Ok(servers
        .into_iter()
        .map(|server| {
            let pending = of_server.remove(&server.id).unwrap_or_default();
            view(server, &pending)
        })
        .collect())
}

/// One of them. Errors: `NotFound`.
pub async fn find(app: &App, actor: &Actor, id: ServerId) -> Result<ServerView> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let server = store::servers::living(&mut session, organisation, id)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    let pending = store::servers::pending(&mut session, id).await?;
    let pending: Vec<_> = pending
        .into_iter()
        .map(|pending| (pending.id, pending.kind))
        .collect();
    Ok(view(server, &pending))
}

fn view(server: Server, pending: &[(OperationId, OperationKind)]) -> ServerView {
    ServerView {
        state: state(&server, pending.iter().map(|(_, kind)| *kind)),
        pending: pending.iter().map(|(id, _)| *id).collect(),
        server,
    }
}

/// What it is doing goes by what is under way, and by what its cloud shows when nothing is.
fn state(server: &Server, mut pending: impl Iterator<Item = OperationKind>) -> State {
    if server.desired == Desired::Destroyed {
        return State::Stopping;
    }
    let doing = pending.find_map(|kind| match kind {
        OperationKind::CreateServer | OperationKind::AdoptServer => Some(State::Creating),
        OperationKind::StartServer => Some(State::Starting),
        OperationKind::StopServer | OperationKind::DestroyServer => Some(State::Stopping),
        OperationKind::RebootServer => Some(State::Rebooting),
        OperationKind::ResizeServer => Some(State::Upgrading),
        OperationKind::RebuildServer => Some(State::Rebuilding),
        OperationKind::RestoreSnapshot => Some(State::Restoring),
        // These go on beside whatever it is doing.
        OperationKind::ChangePassword
        | OperationKind::CreateSnapshot
        | OperationKind::DestroySnapshot => None,
    });
    doing.unwrap_or(match (server.setup, server.power) {
        (Setup::Failed | Setup::Lost, _) | (_, Power::Terminated) => State::Error,
        (Setup::Creating, _) => State::Creating,
        (_, Power::Running) => State::Running,
        (_, Power::Stopped) => State::Stopped,
        (_, Power::Stopping | Power::ShuttingDown) => State::Stopping,
        (_, Power::Pending) => State::Starting,
    })
}
