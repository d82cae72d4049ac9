//! Nodes: what a request says of them, what of it is wrong, and adding them to an environment.

use std::collections::HashSet;

use clouds::Offer;
use domain::account::Actor;
use domain::environment::{Environment, Provider};
use domain::server::Server;
use domain::{Error, Image, Plan, PublicId, Result, names};
use serde_json::{Map, Value};
use store::Session;

use super::draft::{Draft, Drafted, Terms};
use super::view::{self, EnvironmentView};
use crate::app::App;
use crate::catalog::{house, images};
use crate::operations::lane;
use crate::providers;
use crate::servers::{self, Own, Wanted};

/// The image that is taken where none is named.
const DEFAULT_IMAGE: &str = "debian-12";

/// A node, or several alike, as a request describes them.
#[derive(Debug, Clone, Default)]
pub struct NewNode {
    /// Its name; with `count` over 1 they are `NAME-1`, `NAME-2` and so on.
    pub name: String,
    /// The plan's slug.
    pub size: String,
    /// The packages to install.
    pub packages: Vec<String>,
    /// Labels.
    pub tags: Map<String, Value>,
    /// The image's slug; the default one where absent.
    pub image: Option<String>,
    /// How many; 1 where absent.
    pub count: Option<i64>,
}

/// A node that has been validated.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) plan: Plan,
    pub(super) image: Image,
    pub(super) packages: Vec<String>,
    pub(super) tags: Map<String, Value>,
}

/// Validates nodes against what the provider sells and against `taken` names. Nothing is created before all of them
/// are right.
pub(super) fn validate(
    app: &App,
    offer: &Offer,
    nodes: &[NewNode],
    taken: &[Server],
) -> Result<Vec<Node>> {
    let most = app.settings.max_nodes;
    let asked = nodes
        .iter()
        .map(|node| node.count.unwrap_or(1).max(0))
        .fold(0, i64::saturating_add);
    if asked.saturating_add(i64::try_from(taken.len()).unwrap_or(i64::MAX))
        > i64::try_from(most).unwrap_or(i64::MAX)
    {
        return Err(Error::invalid(format!(
            "an environment has at most {most} nodes; {} are there and {asked} more were asked for: nothing was created",
            taken.len()
        ))
        .field("nodes"));
    }
    let mut names = HashSet::new();
    let mut valid = Vec::new();
    for node in nodes {
        let template = validate_one(offer, node)?;
        for name in numbered(node)? {
            let same = |server: &&Server| server.name.to_lowercase() == name.to_lowercase();
            if let Some(there) = taken.iter().find(same) {
                return Err(Error::exists(
                    format!("there is a node {name:?} already; nothing was created"),
                    Some(there.public_id.clone()),
                )
                .field("name"));
            }
            if !names.insert(name.to_lowercase()) {
                return Err(Error::invalid(format!(
                    "two nodes are called {name:?}; nothing was created"
                ))
                .field("name"));
            }
            valid.push(Node {
                name,
                ..template.clone()
            });
        }
    }
    Ok(valid)
}

fn numbered(node: &NewNode) -> Result<Vec<String>> {
    match node.count {
        None | Some(1) => Ok(vec![node.name.clone()]),
        Some(count) if count >= 1 => Ok((1..=count)
            .map(|number| format!("{}-{number}", node.name))
            .collect()),
        Some(_) => Err(Error::invalid("count is 1 or more").field("count")),
    }
}

fn validate_one(offer: &Offer, node: &NewNode) -> Result<Node> {
    names::label("a node", &node.name)?;
    let slug = node.image.as_deref().unwrap_or(DEFAULT_IMAGE);
    let (plan, image) = on_sale(offer, &node.size, slug)?;
    let packages = images::with_packages(&image, &node.packages)?;
    servers::tags::check("a node", &node.tags)?;
    Ok(Node {
        name: node.name.clone(),
        plan,
        image,
        packages,
        tags: node.tags.clone(),
    })
}

/// The plan and the image of those slugs, if new servers may have them and the one is large enough for the other.
pub(super) fn on_sale(offer: &Offer, plan: &str, image: &str) -> Result<(Plan, Image)> {
    let plan = house::on_sale(&offer.plans, plan, "size")?;
    let image = house::on_sale(&offer.images, image, "image")?;
    images::fit(plan, image)?;
    Ok((plan.clone(), image.clone()))
}

/// Writes validated nodes into an environment, within the caller's transaction.
pub(super) async fn write(
    session: &mut Session,
    app: &App,
    actor: &Actor,
    view: &Place<'_>,
    nodes: &[Node],
) -> Result<Vec<Server>> {
    let plans: Vec<_> = nodes.iter().map(|node| &node.plan).collect();
    let region = &view.environment.region;
    let admitted = servers::admit(session, app, view.provider, region, &plans).await?;
    let mut servers = Vec::with_capacity(nodes.len());
    for node in nodes {
        let wanted = Wanted {
            environment: view.environment.id,
            provider: view.environment.provider_id,
            region: &view.environment.region,
            lane: view.lane,
            name: &node.name,
            prefix: &servers::name_prefix(actor, view.application, &view.environment.name),
            plan: &node.plan,
            image: &node.image,
            packages: &node.packages,
            tags: &node.tags,
            own: Own::default(),
        };
        let (server, _) = servers::create(session, actor, &admitted, &wanted).await?;
        servers.push(server);
    }
    Ok(servers)
}

/// Where nodes are written.
pub(super) struct Place<'a> {
    pub(super) environment: &'a Environment,
    pub(super) provider: &'a Provider,
    pub(super) application: &'a str,
    pub(super) lane: &'a str,
}

/// Adds nodes to an environment that is there.
pub async fn add(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    nodes: &[NewNode],
    terms: &Terms,
) -> Result<Vec<Server>> {
    let (session, draft) = draft(app, actor, id, nodes).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    Ok(draft.made)
}

pub(super) async fn draft(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    nodes: &[NewNode],
) -> Result<Drafted> {
    if nodes.is_empty() {
        return Err(Error::invalid("no node was named; nothing was created").field("nodes"));
    }
    let view = view::find(app, actor, id).await?;
    let offer = providers::of_provider(app, &view.provider).await?.offer;
    house::on_sale(&offer.regions, &view.environment.region, "region")?;
    let choose = |servers: &[Server]| validate(app, &offer, nodes, servers);
    draft_into(app, actor, view, choose, "environment.add_nodes").await
}

/// Drafts nodes into an environment that is there, unless it is being deleted. They are chosen under its lock, from the
/// servers that it has then: two requests at once see one another's.
pub(super) async fn draft_into(
    app: &App,
    actor: &Actor,
    view: EnvironmentView,
    choose: impl FnOnce(&[Server]) -> Result<Vec<Node>> + Send,
    action: &str,
) -> Result<Drafted> {
    let account = app
        .account(&view.provider, &view.environment.region)
        .await?;
    let mut session = app.store.write().await?;
    let environment =
        store::environments::lock(&mut session, actor.organisation.id, view.environment.id)
            .await?
            .ok_or_else(|| Error::not_found("environment"))?;
    if environment.deleting {
        return Err(
            Error::conflict("the environment is being deleted; nothing was added")
                .about(environment.public_id),
        );
    }
    let servers =
        store::servers::of_environment(&mut session, actor.organisation.id, environment.id).await?;
    let nodes = choose(&servers)?;
    let place = Place {
        environment: &environment,
        provider: &view.provider,
        application: &view.application.name,
        lane: &lane(actor.organisation.id, &account),
    };
    let made = write(&mut session, app, actor, &place, &nodes).await?;
    store::audit::record(&mut session, actor, action, environment.public_id.as_str()).await?;
    let draft = Draft {
        made,
        ..Draft::of(environment, view.provider, servers)
    };
    Ok((session, draft))
}
