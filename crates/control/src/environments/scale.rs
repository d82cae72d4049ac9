//! More of the same, and fewer.

use domain::account::Actor;
use domain::server::{Desired, Server};
use domain::{Error, PublicId, Result};
use serde_json::{Map, Value};

use super::draft::{Draft, Drafted, Terms};
use super::nodes::{self, Node};
use super::view;
use crate::app::App;
use crate::catalog::house;
use crate::operations::lane;
use crate::{providers, servers};

/// Which nodes of an environment are meant.
#[derive(Debug, Clone)]
pub enum Selector {
    /// By name: `web` is the node `web` and every `web-NUMBER`.
    Name(String),
    /// All that bear each of these tags.
    Tags(Map<String, Value>),
}

// === impl Selector ===

impl Selector {
    fn matches(&self, server: &Server) -> bool {
        if server.desired == Desired::Destroyed {
            return false;
        }
        match self {
            Self::Name(name) => server.name == *name || base(&server.name) == name,
            Self::Tags(tags) => tags
                .iter()
                .all(|(key, value)| server.tags.get(key) == Some(value)),
        }
    }

    fn select<'a>(&self, servers: &'a [Server]) -> Result<Vec<&'a Server>> {
        if matches!(self, Self::Tags(tags) if tags.is_empty()) {
            return Err(Error::invalid("name a node, or one tag at least").field("tags"));
        }
        let found: Vec<_> = servers
            .iter()
            .filter(|server| self.matches(server))
            .collect();
        if found.is_empty() {
            return Err(Error::invalid(match self {
                Self::Name(name) => {
                    format!("no node of this environment is called {name:?}; nothing was changed")
                }
                Self::Tags(_) => {
                    "no node of this environment bears those tags; nothing was changed".to_owned()
                }
            })
            .field("name"));
        }
        Ok(found)
    }
}

/// A name without its number: `web-2` is `web`.
fn base(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((base, number))
            if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            base
        }
        _ => name,
    }
}

fn check_count(count: i64) -> Result<usize> {
    usize::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| Error::invalid("count is 1 or more; nothing was changed").field("count"))
}

/// Adds `count` nodes like the newest that is meant. Returns the new ones.
pub async fn scale_up(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    selector: &Selector,
    count: i64,
    terms: &Terms,
) -> Result<Vec<Server>> {
    let (session, draft) = draft_up(app, actor, id, selector, count).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    Ok(draft.made)
}

pub(super) async fn draft_up(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    selector: &Selector,
    count: i64,
) -> Result<Drafted> {
    let count = check_count(count)?;
    let view = view::find(app, actor, id).await?;
    let offer = providers::of_provider(app, &view.provider).await?.offer;
    house::on_sale(&offer.regions, &view.environment.region, "region")?;
    let choose = |servers: &[Server]| {
        let like = selector.select(servers)?.pop();
        let like = like.ok_or_else(|| Error::not_found("node"))?;
        if like.image.is_empty() {
            return Err(Error::invalid(format!(
                "{} was imported, and what it was made from is not known; nothing was created: add nodes with their size and \
                 image",
                like.name
            ))
            .field("name"));
        }
        if servers.len().saturating_add(count) > app.settings.max_nodes {
            return Err(Error::invalid(format!(
                "an environment has at most {} nodes; nothing was created",
                app.settings.max_nodes
            ))
            .field("count"));
        }
        let (plan, image) = nodes::on_sale(&offer, &like.plan, &like.image)?;
        let template = Node {
            name: String::new(),
            plan,
            image,
            packages: like.packages.clone(),
            tags: like.tags.clone(),
        };
        let base = base(&like.name);
        let free = (2_u64..)
            .map(|number| format!("{base}-{number}"))
            .filter(|name| {
                servers
                    .iter()
                    .all(|server| !server.name.eq_ignore_ascii_case(name))
            });
        let like = |name| Node {
            name,
            ..template.clone()
        };
        Ok(free.take(count).map(like).collect())
    };
    nodes::draft_into(app, actor, view, choose, "environment.scale_up").await
}

/// Removes `count` of the nodes that are meant, the newest first. Returns those that go.
pub async fn scale_down(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    selector: &Selector,
    count: i64,
    terms: &Terms,
) -> Result<Vec<Server>> {
    let (session, draft) = draft_down(app, actor, id, selector, count).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    Ok(draft.going.into_iter().rev().collect())
}

pub(super) async fn draft_down(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    selector: &Selector,
    count: i64,
) -> Result<Drafted> {
    let count = check_count(count)?;
    let view = view::find(app, actor, id).await?;
    let organisation = actor.organisation.id;
    let account = app
        .account(&view.provider, &view.environment.region)
        .await?;
    let lane = lane(organisation, &account);
    let mut session = app.store.write().await?;
    // Chosen under the lock: of two requests at once, the second does not choose what the first has.
    let environment = store::environments::lock(&mut session, organisation, view.environment.id)
        .await?
        .ok_or_else(|| Error::not_found("environment"))?;
    let servers =
        store::servers::of_environment(&mut session, organisation, environment.id).await?;
    let found = selector.select(&servers)?;
    if found.len() < count {
        return Err(Error::invalid(format!(
            "{} nodes match and {count} were to be removed; nothing was removed",
            found.len()
        ))
        .field("count"));
    }
    // Their rows are locked oldest first, as everywhere.
    let going = found[found.len() - count..].iter().copied().cloned();
    let going: Vec<Server> = going.collect();
    let mut begun = Vec::with_capacity(going.len());
    for server in going {
        let end = servers::destroy(&mut session, actor, &server, &lane).await?;
        begun.push((server, end));
    }
    store::audit::record(&mut session, actor, "environment.scale_down", id.as_str()).await?;
    let draft = Draft::of(environment, view.provider, servers);
    let draft = draft.destroys_some(&mut session, &begun).await?;
    Ok((session, draft))
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn the_number_behind_a_name_does_not_belong_to_it() {
        assert_eq!(base("web-2"), "web");
        assert_eq!(base("web"), "web");
        assert_eq!(base("web-1a"), "web-1a");
        assert_eq!(base("web-"), "web-");
    }
}
