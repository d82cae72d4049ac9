//! Taking servers under management that a cloud account has already.
//!
//! Their rows are written first, each with its cloud's id, and an operation puts our tag on each instance. What must stay
//! true: nothing of an instance is changed but its tags; one that another Arcus, or this one, manages already is refused; and
//! all of them are imported or none is.

use std::collections::HashSet;

use clouds::budget::on_behalf_of;
use clouds::{ErrorClass, Instance, InstanceRef, Offer, registry};
use domain::account::Actor;
use domain::environment::{Environment, Provider};
use domain::operation::OperationKind;
use domain::server::{Desired, Power, Server, Setup};
use domain::{Error, ErrorKind, Plan, PublicId, Result, names, random};
use futures::future::try_join_all;
use store::Session;

use super::draft::{Draft, Drafted, Terms};
use crate::accounts::somebody;
use crate::app::{Account, App, HOUSE, OPERATORS};
use crate::catalog::house;
use crate::operations::{lane, retry, sight};
use crate::{applications, providers, servers};

/// The longest id of an instance.
const LONGEST_ID: usize = 255;

/// Who imports. What stands in the operator's own regions is the operator's to give: a customer imports from accounts of its
/// own alone.
#[derive(Debug, Clone)]
pub struct Importer {
    /// In whose name.
    pub actor: Actor,
    is_operator: bool,
}

/// What is to be taken under management, and into which environment.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// In which application; the default one where absent.
    pub application: Option<PublicId>,
    /// The region that they are in.
    pub region: String,
    /// The environment that they are to be in: one that is there, on the same account and in the same region, or a new one.
    pub environment: String,
    /// The cloud's ids of them.
    pub instances: Vec<String>,
    /// The plan by which they count and cost; needed in the operator's own regions, and not where the cloud has sizes.
    pub plan: Option<String>,
}

/// Takes instances under management. Returns the environment's id, and the servers that they are now.
///
/// Errors: `Invalid` with the field that is wrong; `NotFound` for a provider or an application that is not the
/// organisation's; `Conflict` for an instance that is managed already, and for an environment that is elsewhere or being
/// deleted; `Payment`, `Quota`. Nothing is imported in any of these cases.
pub async fn import(
    app: &App,
    importer: &Importer,
    provider: &PublicId,
    wanted: &Import,
    terms: &Terms,
) -> Result<(PublicId, Vec<Server>)> {
    let (session, draft) = draft(app, importer, provider, wanted).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    Ok((draft.environment.public_id, draft.taken))
}

/// The operator's way to it: in the name of the first user of the provider's organisation.
pub async fn as_operator(app: &App, provider: &PublicId) -> Result<Importer> {
    let mut session = app.store.read().await?;
    let provider = store::providers::for_operator(&mut session, provider)
        .await?
        .ok_or_else(|| Error::not_found("provider"))?;
    drop(session);
    Ok(Importer {
        actor: somebody(app, provider.organisation_id, "cli").await?,
        is_operator: true,
    })
}

pub(super) async fn draft(
    app: &App,
    importer: &Importer,
    provider: &PublicId,
    wanted: &Import,
) -> Result<Drafted> {
    let actor = &importer.actor;
    names::label("an environment", &wanted.environment)
        .map_err(|error| error.field("environment"))?;
    check_ids(app, &wanted.instances)?;
    let application = applications::find(app, actor, wanted.application.as_ref()).await?;
    let provider = providers::find(app, actor, provider).await?;
    if provider.kind == HOUSE && !importer.is_operator {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "what is in the operator's own regions is the operator's to give: ask the operator to import it; nothing was imported",
        ));
    }
    let offer = providers::of_provider(app, &provider).await?.offer;
    // Where the operator closed a region to new servers, those that are there may be imported all the same.
    house::choose(
        &offer.regions,
        |region| &region.slug,
        &wanted.region,
        "region",
    )?;
    let account = app.account(&provider, &wanted.region).await?;
    let looks = wanted.instances.iter().map(|id| look(app, &account, id));
    let seen = on_behalf_of(actor.organisation.id.0, try_join_all(looks)).await?;
    let plans = seen
        .iter()
        .map(|one| plan_of(&provider, &offer, wanted, one));
    let plans = plans.collect::<Result<Vec<_>>>()?;

    let organisation = actor.organisation.id;
    let mut session = app.store.write().await?;
    if !store::providers::hold(&mut session, organisation, provider.id).await? {
        return Err(Error::not_found("provider"));
    }
    if !store::applications::hold(&mut session, organisation, application.id).await? {
        return Err(Error::not_found("application"));
    }
    let place = (application.id, wanted.environment.as_str());
    let (environment, is_new) =
        environment(&mut session, actor, &provider, place, &wanted.region).await?;
    let staying =
        store::servers::of_environment(&mut session, organisation, environment.id).await?;
    let most = app.settings.max_nodes;
    if staying.len() + seen.len() > most {
        return Err(Error::invalid(format!(
            "an environment has at most {most} nodes, and {} are there; nothing was imported",
            staying.len()
        ))
        .field("instances"));
    }
    let sold: Vec<_> = plans.iter().flatten().collect();
    servers::admit(&mut session, app, &provider, &wanted.region, &sold).await?;
    let mut taken: Vec<Server> = Vec::with_capacity(seen.len());
    for (instance, plan) in seen.iter().zip(&plans) {
        let others = staying.iter().chain(&taken);
        let name = free_name(instance, others.map(|server| server.name.as_str()));
        let place = Place {
            actor,
            environment: &environment,
            provider: &provider,
            lane: &lane(organisation, &account),
        };
        taken.push(write(&mut session, &place, instance, &name, plan.as_ref()).await?);
    }
    let id = environment.public_id.as_str();
    store::audit::record(&mut session, actor, "environment.import", id).await?;
    let draft = Draft {
        is_new,
        taken,
        ..Draft::of(environment, provider, staying)
    };
    Ok((session, draft))
}

fn check_ids(app: &App, ids: &[String]) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::invalid(format!("{why}; nothing was imported")).field("instances"))
    };
    let most = app.settings.max_nodes;
    if ids.is_empty() {
        return refuse("no instance was named".to_owned());
    }
    if ids.len() > most {
        return refuse(format!("{most} instances are imported at once at the most"));
    }
    let mut known = HashSet::new();
    for id in ids {
        if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
            return refuse(format!("{id:?} is no instance's id"));
        }
        if !known.insert(id) {
            return refuse(format!("{id:?} is named twice"));
        }
    }
    Ok(())
}

/// The instance of that id, if it can be imported.
async fn look(app: &App, account: &Account, id: &str) -> Result<Instance> {
    let at = InstanceRef {
        region: account.region.clone(),
        id: id.to_owned(),
    };
    let seen = match account.cloud.get(&at).await {
        Ok(seen) => seen,
        Err(error) if error.class == ErrorClass::NotFound => {
            return Err(Error::invalid(format!(
                "there is no instance {id:?} in {:?}; nothing was imported",
                account.region
            ))
            .field("instances"));
        }
        Err(error) => return Err(retry::as_error(error)),
    };
    if matches!(seen.power, Power::ShuttingDown | Power::Terminated) {
        return Err(Error::invalid(format!(
            "the instance {id:?} is being destroyed; nothing was imported"
        ))
        .field("instances"));
    }
    if seen.at.region != account.region {
        return Err(Error::invalid(format!(
            "the instance {id:?} is in {:?} and not in {:?}; nothing was imported",
            seen.at.region, account.region
        ))
        .field("region"));
    }
    match &seen.tag {
        None => Ok(seen),
        Some(tag) if tag.installation == app.installation => Err(Error::conflict(format!(
            "the instance {id:?} bears this Arcus's tag already; nothing was imported"
        ))),
        Some(_) => Err(Error::conflict(format!(
            "the instance {id:?} is managed by another Arcus; nothing was imported"
        ))),
    }
}

/// Where the cloud has sizes, the one that it has; else the one that was named, or none.
fn plan_of(
    provider: &Provider,
    offer: &Offer,
    wanted: &Import,
    seen: &Instance,
) -> Result<Option<Plan>> {
    match (&seen.plan, &wanted.plan) {
        (Some(slug), None) => Ok(offer.plans.iter().find(|plan| plan.slug == *slug).cloned()),
        (Some(_), Some(_)) => Err(Error::invalid(
            "the cloud knows the size of each instance: leave the plan out; nothing was imported",
        )
        .field("plan")),
        (None, Some(slug)) => house::choose(&offer.plans, |plan| &plan.slug, slug, "plan")
            .cloned()
            .map(Some),
        (None, None) if provider.kind == HOUSE => Err(Error::invalid(
            "in the operator's own regions a server has a plan, by which it counts and costs; nothing was imported: name \
             one",
        )
        .field("plan")),
        (None, None) => Ok(None),
    }
}

/// The environment of that name, which is made where there is none; and whether it was.
async fn environment(
    session: &mut Session,
    actor: &Actor,
    provider: &Provider,
    (application, name): (domain::ApplicationId, &str),
    region: &str,
) -> Result<(Environment, bool)> {
    let organisation = actor.organisation.id;
    let there = store::environments::by_name(session, organisation, application, name).await?;
    let Some(there) = there else {
        let row = store::environments::NewEnvironment {
            organisation_id: organisation,
            application_id: application,
            provider_id: provider.id,
            name,
            region,
            integrations: &[],
        };
        return Ok((store::environments::create(session, &row).await?, true));
    };
    let locked = store::environments::lock(session, organisation, there.id).await?;
    let refuse = |why: &str| {
        Err(Error::conflict(format!("{why}; nothing was imported")).about(there.public_id.clone()))
    };
    match locked {
        Some(one) if one.deleting => refuse("that environment is being deleted"),
        Some(one) if one.provider_id != provider.id || one.region != region => {
            refuse("that environment is on another account or in another region")
        }
        Some(one) => Ok((one, false)),
        None => refuse("that environment has just gone"),
    }
}

// === impl Importer ===

impl From<&Actor> for Importer {
    /// A user, who is no operator.
    fn from(actor: &Actor) -> Self {
        Self {
            actor: actor.clone(),
            is_operator: false,
        }
    }
}

/// Where servers are written.
struct Place<'a> {
    actor: &'a Actor,
    environment: &'a Environment,
    provider: &'a Provider,
    lane: &'a str,
}

async fn write(
    session: &mut Session,
    place: &Place<'_>,
    instance: &Instance,
    name: &str,
    plan: Option<&Plan>,
) -> Result<Server> {
    let (environment, actor) = (place.environment, place.actor);
    let id = &instance.at.id;
    let (kind, region) = (&place.provider.kind, &environment.region);
    // Where the cloud gives an id once in all the world, another account of the same credentials may have imported it.
    let is_unique = registry::kind(kind).is_some_and(|kind| kind.many_regions);
    let account = (!is_unique).then_some(place.provider.id);
    if store::servers::is_managed(session, kind, account, region, id).await? {
        return Err(Error::conflict(format!(
            "the instance {id:?} is imported already; nothing was imported"
        )));
    }
    let label = match place.provider.kind.as_str() {
        HOUSE => OPERATORS,
        _ => place.provider.public_id.as_str(),
    };
    if store::orphans::removing(session, label, &instance.at.region, id)
        .await?
        .is_some()
    {
        return Err(Error::conflict(format!(
            "the instance {id:?} bore the tag of this Arcus, which is just being taken off; nothing was imported: try again in \
             a while"
        )));
    }
    let given = if instance.name.is_empty() {
        id
    } else {
        &instance.name
    };
    // Elsewhere names come more than once.
    let (organisation, provider) = (environment.organisation_id, place.provider.id);
    let cloud_name = servers::free_of(session, organisation, provider, given.clone()).await?;
    let adopted = store::servers::Adopted {
        environment,
        owner: actor.user_id,
        name,
        cloud_name: &cloud_name,
        token: &random::hex::<16>(),
        cloud_id: id,
    };
    let server = store::servers::adopt(session, &adopted).await?;
    store::servers::observe(session, server.id, &sight(instance)).await?;
    store::servers::set_setup(session, server.id, Setup::Creating, None).await?;
    if instance.power == Power::Stopped {
        store::servers::want(session, server.id, Desired::Stopped).await?;
    }
    if let Some(plan) = plan {
        store::servers::set_plan(session, server.id, plan).await?;
    }
    let kind = OperationKind::AdoptServer;
    servers::enqueue(session, actor, &server, kind, place.lane).await?;
    store::servers::by_id(session, server.organisation_id, server.id).await
}

/// The node's name: that of the instance as far as it can be one, with a number where another has it.
fn free_name<'a>(instance: &Instance, taken: impl Iterator<Item = &'a str>) -> String {
    let taken: HashSet<_> = taken.map(str::to_lowercase).collect();
    let given = if instance.name.is_empty() {
        &instance.at.id
    } else {
        &instance.name
    };
    let mut base = names::slug(given);
    base.truncate(names::MAX_NAME - 8);
    let base = base.trim_end_matches('-').to_owned();
    let numbered = (2_u64..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or(base)
}
