//! Deleting an environment, or one of its nodes.

use std::time::Duration;

use domain::account::Actor;
use domain::operation::Operation;
use domain::server::Server;
use domain::{Error, PublicId, Result};

use super::draft::{Draft, Drafted, Terms};
use super::switch::{Switched, wait_accepted};
use super::view::{self, EnvironmentView};
use crate::app::App;
use crate::operations::lane;
use crate::servers;

/// Servers that go, each with the operation that sees to it.
pub(super) type Begun = Vec<(Server, Operation)>;

/// Destroys all servers of an environment and lets it go when the last one has gone. Answers when each cloud has
/// accepted it, or `bound` is over; the work goes on in any case.
pub async fn delete(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    bound: Duration,
    terms: &Terms,
) -> Result<(EnvironmentView, Vec<Switched>)> {
    let view = view::find(app, actor, id).await?;
    let ((session, draft), begun) = draft(app, actor, id).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    Ok((view, wait_accepted(app, actor, begun, bound).await))
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
    store::environments::finish_deleting(&mut session, environment.id).await?;
    store::audit::record(&mut session, actor, "environment.delete", id.as_str()).await?;
    let going = begun.iter().map(|(server, _)| server.clone()).collect();
    let draft = Draft::of(environment, view.provider, Vec::new()).destroys(going);
    Ok(((session, draft), begun))
}

/// Destroys one node. Returns it.
pub async fn delete_node(app: &App, actor: &Actor, id: &PublicId, terms: &Terms) -> Result<Server> {
    let (session, mut draft) = draft_node(app, actor, id).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    draft.going.pop().ok_or_else(|| Error::not_found("node"))
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
    servers::destroy(&mut session, actor, &server, &lane(organisation, &account)).await?;
    store::audit::record(&mut session, actor, "node.delete", id.as_str()).await?;
    let others = store::servers::of_environment(&mut session, organisation, environment.id).await?;
    let draft = Draft::of(environment, provider, others).destroys(vec![server]);
    Ok((session, draft))
}
