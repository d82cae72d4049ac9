//! Creating an environment: everything is validated, then all of it is written at once, then it is worked on.

use domain::account::Actor;
use domain::{Error, ErrorKind, PublicId, Result, names};

use super::draft::{Draft, Drafted, Terms};
use super::nodes::{self, NewNode, Place};
use crate::app::App;
use crate::catalog::house;
use crate::operations::lane;
use crate::{applications, integrations, providers};

/// An environment as a request describes it.
#[derive(Debug, Clone)]
pub struct NewEnvironment {
    /// In which application; the default one where absent.
    pub application: Option<PublicId>,
    /// On which provider.
    pub provider: PublicId,
    /// In which region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Its nodes.
    pub nodes: Vec<NewNode>,
    /// The integrations that it uses.
    pub integrations: Vec<PublicId>,
}

/// Creates an environment and queues the making of its servers. Returns its id.
///
/// Errors: `Invalid` with the field that is wrong; `NotFound` for an application or provider that is not the
/// organisation's; `Exists` with the id of the environment of that name; `Conflict` where it would not be what `terms` say.
/// Nothing is created in any of these cases.
pub async fn create(
    app: &App,
    actor: &Actor,
    new: &NewEnvironment,
    terms: &Terms,
) -> Result<PublicId> {
    let (session, draft) = draft(app, actor, new).await?;
    terms.hold(&draft)?;
    session.commit().await?;
    Ok(draft.environment.public_id)
}

pub(super) async fn draft(app: &App, actor: &Actor, new: &NewEnvironment) -> Result<Drafted> {
    names::label("an environment", &new.name).map_err(|error| error.field("environment"))?;
    let application = applications::find(app, actor, new.application.as_ref()).await?;
    let provider = providers::find(app, actor, &new.provider).await?;
    let offer = providers::of_provider(app, &provider).await?.offer;
    let region = house::on_sale(&offer.regions, &new.region, "region")?;
    check_integrations(app, actor, &new.integrations).await?;
    let nodes = nodes::validate(app, &offer, &new.nodes, &[])?;
    let account = app.account(&provider, &region.slug).await?;

    let mut session = app.store.write().await?;
    let organisation = actor.organisation.id;
    if !store::providers::hold(&mut session, organisation, provider.id).await? {
        return Err(Error::not_found("provider"));
    }
    if !store::applications::hold(&mut session, organisation, application.id).await? {
        return Err(Error::not_found("application"));
    }
    let row = store::environments::NewEnvironment {
        organisation_id: organisation,
        application_id: application.id,
        provider_id: provider.id,
        name: &new.name,
        region: &region.slug,
        integrations: &new.integrations,
    };
    let environment = match store::environments::create(&mut session, &row).await {
        Err(error) if error.kind() == ErrorKind::Exists => {
            drop(session);
            return Err(already(app, actor, application.id, &new.name).await?);
        }
        created => created?,
    };
    let lane = lane(organisation, &account);
    let place = Place {
        environment: &environment,
        provider: &provider,
        application: &application.name,
        lane: &lane,
    };
    let made = nodes::write(&mut session, app, actor, &place, &nodes).await?;
    store::audit::record(
        &mut session,
        actor,
        "environment.create",
        environment.public_id.as_str(),
    )
    .await?;
    let draft = Draft {
        is_new: true,
        made,
        ..Draft::of(environment, provider, Vec::new())
    };
    Ok((session, draft))
}

async fn already(
    app: &App,
    actor: &Actor,
    application: domain::ApplicationId,
    name: &str,
) -> Result<Error> {
    let mut session = app.store.read().await?;
    let there =
        store::environments::by_name(&mut session, actor.organisation.id, application, name)
            .await?;
    Ok(Error::exists(
        format!("there is an environment {name:?} already; nothing was created"),
        there.map(|environment| environment.public_id),
    ))
}

async fn check_integrations(app: &App, actor: &Actor, ids: &[PublicId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let known = integrations::list(app, actor).await?;
    match ids.iter().find(|id| {
        !known
            .iter()
            .any(|integration| integration.public_id == **id)
    }) {
        None => Ok(()),
        Some(id) => {
            Err(Error::invalid(format!("there is no integration {id}")).field("integrations"))
        }
    }
}
