//! Deleting an environment, or one of its nodes.

use std::time::Duration;

use clouds::ErrorClass;
use domain::account::Actor;
use domain::environment::{Environment, Provider};
use domain::operation::Operation;
use domain::server::Server;
use domain::{Error, ErrorKind, PublicId, Result};

use super::draft::{Draft, Drafted, Terms};
use super::switch::{Switched, wait_accepted};
use super::view::{self, EnvironmentView};
use crate::app::{Account, App, HOUSE};
use crate::operations::{lane, request, retry};
use crate::servers;

/// How long a cloud may take over what it keeps for an environment that is to go anyway.
const ANYWAY: Duration = Duration::from_secs(5);

/// Servers that go, each with the operation that sees to it.
pub(super) type Begun = Vec<(Server, Operation)>;

/// What became of a request to delete an environment.
pub struct Deletion {
    /// The environment as it was.
    pub view: EnvironmentView,
    /// What became of each of its servers.
    pub servers: Vec<Switched>,
    /// Why one without servers is still there.
    pub pending: Option<String>,
}

/// Destroys all servers of an environment and lets it go when the last one has gone. Answers when each cloud has
/// accepted it, or `bound` is over; the work goes on in any case.
pub async fn delete(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    bound: Duration,
    terms: &Terms,
) -> Result<Deletion> {
    let view = view::find(app, actor, id).await?;
    let ((session, draft), begun) = draft(app, actor, id).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    let mut pending = None;
    if begun.is_empty() {
        let (app, environment) = (app.clone(), draft.environment);
        // Who asks once more does not want to wait for a cloud that won't answer.
        let anyway = environment.deleting;
        // A task of its own: whoever stops waiting stops nothing.
        let ending = tokio::spawn(async move { end(&app, &environment, anyway).await });
        // Where it does not end in time, or can't yet, the reconciler goes on with it.
        pending = match tokio::time::timeout(bound, ending).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(waits(error.message())),
            Ok(Err(_)) | Err(_) => Some(waits("its cloud has not answered yet")),
        };
    }
    Ok(Deletion {
        view,
        servers: wait_accepted(app, actor, begun, bound).await,
        pending,
    })
}

fn waits(why: &str) -> String {
    format!(
        "the environment has no servers, and goes when its cloud lets go of what it keeps for it, such as a firewall: {why}; \
         deleted once more, it does not wait for that"
    )
}

/// Lets an environment go that is to, and has no server any more, with what its cloud keeps for it. That goes with the last
/// server otherwise; where it has gone before, nothing else leads back to it.
///
/// Errors: whatever keeps the cloud from being asked, or from answering, unless it is to go `anyway`. What the cloud refuses
/// stays with it: it costs nothing.
pub(crate) async fn end(app: &App, environment: &Environment, anyway: bool) -> Result<()> {
    let clearing = clear_group(app, environment);
    let cleared = if anyway {
        let late = |_| {
            Err(Error::new(
                ErrorKind::CloudUnavailable,
                "it does not answer in time",
            ))
        };
        tokio::time::timeout(ANYWAY, clearing)
            .await
            .unwrap_or_else(late)
    } else {
        clearing.await
    };
    if let Err(error) = cleared {
        if !anyway && error.kind() != ErrorKind::CloudRejected {
            return Err(error);
        }
        tracing::warn!(
            environment = %environment.id,
            error = error.message(),
            "the cloud keeps what it had for an environment that is gone"
        );
    }
    let mut session = app.store.write().await?;
    store::environments::hold(&mut session, environment.id).await?;
    store::environments::finish_deleting(&mut session, environment.id).await?;
    session.tell();
    session.commit().await
}

/// The account of an environment without servers; `None` where the operator has removed its region, and nobody is left to ask.
pub(super) async fn left_account(
    app: &App,
    provider: &Provider,
    region: &str,
) -> Result<Option<Account>> {
    match app.account(provider, region).await {
        Err(error) if provider.kind == HOUSE && error.kind() == ErrorKind::Invalid => Ok(None),
        account => account.map(Some),
    }
}

async fn clear_group(app: &App, environment: &Environment) -> Result<()> {
    let mut session = app.store.read().await?;
    let organisation = environment.organisation_id;
    let provider =
        store::providers::by_id(&mut session, organisation, environment.provider_id).await?;
    drop(session);
    let Some(account) = left_account(app, &provider, &environment.region).await? else {
        return Ok(());
    };
    let group = request::group_of(&environment.public_id);
    let clearing = account.cloud.clear_group(&account.region, &group);
    match clouds::budget::on_behalf_of(organisation.0, clearing).await {
        // Revoked credentials say nothing for good: it goes on when there are others.
        Err(error) if error.class == ErrorClass::Auth && account.cloud.check().await.is_err() => {
            Err(Error::new(ErrorKind::CloudUnavailable, error.message))
        }
        cleared => cleared.map_err(retry::as_error),
    }
}

pub(super) async fn draft(app: &App, actor: &Actor, id: &PublicId) -> Result<(Drafted, Begun)> {
    let view = view::find(app, actor, id).await?;
    let account = app.account(&view.provider, &view.environment.region).await;
    let mut session = app.store.write().await?;
    let organisation = actor.organisation.id;
    let environment = store::environments::lock(&mut session, organisation, view.environment.id)
        .await?
        .ok_or_else(|| Error::not_found("environment"))?;
    store::environments::mark_deleting(&mut session, organisation, environment.id).await?;
    // Read again under the lock: a node may have been added since.
    let servers =
        store::servers::of_environment(&mut session, organisation, environment.id).await?;
    let mut begun = Vec::with_capacity(servers.len());
    if !servers.is_empty() {
        let lane = lane(organisation, &account?);
        for server in servers {
            let operation = servers::destroy(&mut session, actor, &server, &lane).await?;
            begun.push((server, operation));
        }
    }
    store::audit::record(&mut session, actor, "environment.delete", id.as_str()).await?;
    let draft = Draft {
        ends: true,
        ..Draft::of(environment, view.provider, Vec::new()).destroys(&begun)
    };
    Ok(((session, draft), begun))
}

/// Destroys one node. Whether it stays at its cloud instead, where its import never ended.
pub async fn delete_node(app: &App, actor: &Actor, id: &PublicId, terms: &Terms) -> Result<bool> {
    let (session, draft) = draft_node(app, actor, id).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    Ok(draft.going.iter().any(|server| draft.is_given_back(server)))
}

pub(super) async fn draft_node(app: &App, actor: &Actor, id: &PublicId) -> Result<Drafted> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let server = store::servers::by_public_id(&mut session, organisation, id)
        .await?
        .ok_or_else(|| Error::not_found("node"))?;
    let provider = store::providers::by_id(&mut session, organisation, server.provider_id).await?;
    drop(session);
    let account = app.account(&provider, &server.region).await?;
    let mut session = app.store.write().await?;
    let environment = match server.environment_id {
        Some(environment) => {
            store::environments::lock(&mut session, organisation, environment).await?
        }
        None => None,
    };
    let environment = environment.ok_or_else(|| Error::not_found("node"))?;
    // Read again under the lock: it may have gone since.
    let server = store::servers::by_public_id(&mut session, organisation, id)
        .await?
        .ok_or_else(|| Error::not_found("node"))?;
    let lane = lane(organisation, &account);
    let end = servers::destroy(&mut session, actor, &server, &lane).await?;
    store::audit::record(&mut session, actor, "node.delete", id.as_str()).await?;
    let others = store::servers::of_environment(&mut session, organisation, environment.id).await?;
    let draft = Draft::of(environment, provider, others);
    let draft = draft.destroys_some(&mut session, &[(server, end)]).await?;
    Ok((session, draft))
}
