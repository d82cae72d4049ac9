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
use crate::operations::{lane, request, retry};
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
    if begun.is_empty() {
        clear_group(app, &draft).await;
    }
    Ok((view, wait_accepted(app, actor, begun, bound).await))
}

/// What a cloud keeps for an environment goes with its last server that is destroyed while it ends; where it had none any
/// more, it goes now. It costs nothing, so that it is tried and not insisted on.
async fn clear_group(app: &App, draft: &Draft) {
    let cleared = async {
        let region = &draft.environment.region;
        let account = app.account(&draft.provider, region).await?;
        let group = request::group_of(&draft.environment.public_id);
        let cleared = account.cloud.clear_group(&account.region, &group).await;
        cleared.map_err(retry::as_error)
    };
    if let Err(error) = cleared.await {
        tracing::warn!(
            environment = %draft.environment.id,
            error = error.message(),
            "the cloud keeps what it had for an environment that is gone"
        );
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
    store::environments::finish_deleting(&mut session, environment.id).await?;
    store::audit::record(&mut session, actor, "environment.delete", id.as_str()).await?;
    let going = begun.iter().map(|(server, _)| server.clone()).collect();
    let draft = Draft {
        ends: true,
        ..Draft::of(environment, view.provider, Vec::new()).destroys(going)
    };
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
    let is_of_singles = store::environments::is_of_singles(&mut session, environment.id).await?;
    let mut draft = Draft::of(environment, provider, others).destroys(vec![server]);
    draft.ends = is_of_singles && draft.staying.is_empty();
    Ok((session, draft))
}
