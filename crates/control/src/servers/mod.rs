//! Servers: asking for one, and switching, rebooting and destroying those that are there.
//!
//! Called by `environments` and, with time, by the façade that sells single servers. Everything here happens within
//! the caller's transaction: a server and its operation are there together or not at all.

pub mod change;
mod create;
mod foreseen;
pub mod snapshots;
pub mod tags;
mod view;

use domain::account::Actor;
use domain::environment::Provider;
use domain::operation::{Operation, OperationKind};
use domain::quota::Amounts;
use domain::server::{Desired, Server, Setup, Size};
use domain::{
    EnvironmentId, Error, Image, OrganisationId, Plan, ProviderId, Result, SnapshotId, names,
    random,
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use store::Session;
use store::operations::NewOperation;

use crate::app::{App, HOUSE};
use crate::billing::More;
use crate::{billing, capacity, quota};

pub use create::{
    Extras, NewFromSnapshot, NewServer, create as create_one, create_from_snapshot,
    decode_user_data,
};
pub use view::{ServerView, State, find, hostname, list};

mod usage;

pub use usage::{Usage, Used, usage};

/// So many servers of one name are numbered.
const MOST_NUMBERED: usize = 20;

/// The longest name tag, so that its last name, 36 characters longer, is one that every cloud takes.
const MAX_CLOUD_NAME: usize = 200;

/// A server that is to be made; everything in it has been validated.
pub(crate) struct Wanted<'a> {
    /// In which environment.
    pub(crate) environment: EnvironmentId,
    /// On which provider.
    pub(crate) provider: ProviderId,
    /// In which region.
    pub(crate) region: &'a str,
    /// The lane of its operations.
    pub(crate) lane: &'a str,
    /// The node's name.
    pub(crate) name: &'a str,
    /// The slugs before the node's in the name at the cloud: organisation, user, application, environment.
    pub(crate) prefix: &'a str,
    /// How large.
    pub(crate) plan: &'a Plan,
    /// From what.
    pub(crate) image: &'a Image,
    /// What to install.
    pub(crate) packages: &'a [String],
    /// Labels.
    pub(crate) tags: &'a Map<String, Value>,
    /// What only servers have that are asked for by themselves.
    pub(crate) own: Own<'a>,
}

/// What a server of its own may be asked for beyond what a node is.
#[derive(Default)]
pub(crate) struct Own<'a> {
    /// What its system calls itself; by its name where empty.
    pub(crate) hostname: &'a str,
    /// The owner's public keys.
    pub(crate) public_keys: &'a [String],
    /// The owner's own user data.
    pub(crate) user_data: Option<&'a SecretString>,
    /// The snapshot that it is made from.
    pub(crate) snapshot: Option<SnapshotId>,
}

/// What an operation that destroys is told of a server that was there before, and was not taken under management yet.
pub(crate) const GIVE_BACK: &str = "give_back";

/// Whether the end of a server is that it is given back to its cloud.
pub(crate) fn is_given_back(end: &Operation) -> bool {
    end.input.get(GIVE_BACK) == Some(&Value::Bool(true))
}

/// That servers of some sizes may be made: there is money, quota and room for them.
pub(crate) struct Admitted(());

/// Whether servers of these plans may be made, all of them together. What is made on a customer's own cloud account costs
/// us nothing. What this looks at stays locked until the session ends: nothing else of ours may be locked after it but
/// what is new.
///
/// Errors: `Payment`, `Quota`.
pub(crate) async fn admit(
    session: &mut Session,
    app: &App,
    provider: &Provider,
    region: &str,
    plans: &[&Plan],
) -> Result<Admitted> {
    if provider.kind != HOUSE {
        return Ok(Admitted(()));
    }
    let organisation = provider.organisation_id;
    let sizes: Vec<_> = plans.iter().map(|plan| Size::from(*plan)).collect();
    let wanted = Amounts::servers(&sizes);
    quota::check(session, app, organisation, &wanted).await?;
    billing::must_cover(session, app, organisation, &More::Servers(plans)).await?;
    capacity::check(session, region, &wanted).await?;
    Ok(Admitted(()))
}

/// What stands before a server's own name in its name at the cloud.
pub(crate) fn name_prefix(actor: &Actor, application: &str, environment: &str) -> String {
    [
        &actor.organisation.slug,
        &actor.user_name,
        application,
        environment,
    ]
    .map(names::slug)
    .join("-")
}

/// Writes a server and queues its making.
pub(crate) async fn create(
    session: &mut Session,
    actor: &Actor,
    _: &Admitted,
    wanted: &Wanted<'_>,
) -> Result<(Server, Operation)> {
    let wanted_name = cloud_name(wanted.prefix, wanted.name);
    let organisation = actor.organisation.id;
    let cloud_name = free_of(session, organisation, wanted.provider, wanted_name).await?;
    let new = store::servers::NewServer {
        environment_id: Some(wanted.environment),
        provider_id: wanted.provider,
        region: wanted.region,
        name: wanted.name,
        cloud_name: &cloud_name,
        token: &random::hex::<16>(),
        plan: wanted.plan,
        image: &wanted.image.slug,
        login_user: &wanted.image.login_user,
        hostname: wanted.own.hostname,
        public_keys: wanted.own.public_keys,
        user_data: wanted.own.user_data,
        snapshot_id: wanted.own.snapshot,
        packages: wanted.packages,
        tags: wanted.tags,
    };
    let server = store::servers::create(session, actor, &new).await?;
    let input = match wanted.own.snapshot {
        Some(snapshot) => json!({ "snapshot": snapshot.0 }),
        None => json!({}),
    };
    let asked = Asked {
        input: &input,
        secret: None,
    };
    let kind = OperationKind::CreateServer;
    let operation = enqueue_with(session, actor, &server, kind, wanted.lane, &asked).await?;
    Ok((server, operation))
}

/// Says that a server is to run or to stop, and queues that. A like operation serves as well for as long as it has not
/// told its cloud: what it will find and do is what this request asks about.
pub(crate) async fn switch(
    session: &mut Session,
    actor: &Actor,
    server: &Server,
    desired: Desired,
    lane: &str,
) -> Result<Operation> {
    let kind = match desired {
        Desired::Running => OperationKind::StartServer,
        Desired::Stopped => OperationKind::StopServer,
        Desired::Destroyed => return destroy(session, actor, server, lane).await,
    };
    match desired {
        Desired::Running => must_not_be_held(session, server).await?,
        // Its owner wants it off now, money or not.
        _ if server.suspended => {
            store::customers::set_suspended(session, server.id, false).await?;
        }
        _ => {}
    }
    store::servers::want(session, server.id, desired).await?;
    let pending = store::operations::last_pending(session, server.id).await?;
    match pending {
        Some(pending) if pending.kind == kind && !pending.is_accepted() => Ok(pending),
        _ => enqueue(session, actor, server, kind, lane).await,
    }
}

/// Errors: `Conflict` for a server whose import has not ended well, or not yet: where it fails, all that can come of it is that
/// the server is given back as it was, and nothing of ours may stay with it then.
pub(crate) async fn must_be_managed(session: &mut Session, server: &Server) -> Result<()> {
    let why = match server.setup {
        Setup::Creating => {
            "the server is just being taken under management, and nothing was changed: try again when it is"
        }
        Setup::Failed => {
            "the server's import failed, so that it is not managed here, and nothing was changed: delete it, which leaves it \
             at its cloud as it is, and import it again"
        }
        _ => return Ok(()),
    };
    if store::operations::adoption_is_open(session, server.id).await? {
        return Err(Error::conflict(why));
    }
    Ok(())
}

/// Errors: `Payment` for a server of a suspended organisation in one of the operator's regions: it stays off.
pub(crate) async fn must_not_be_held(session: &mut Session, server: &Server) -> Result<()> {
    if !store::customers::is_held(session, server.id).await? {
        return Ok(());
    }
    match store::customers::suspension(session, server.organisation_id).await? {
        Some(suspension) => Err(billing::suspended(&suspension)),
        None => Ok(()),
    }
}

/// Says that a server is to run, and queues a reboot: of one that is off, that is a start.
pub(crate) async fn reboot(
    session: &mut Session,
    actor: &Actor,
    server: &Server,
    lane: &str,
) -> Result<Operation> {
    must_not_be_held(session, server).await?;
    store::servers::want(session, server.id, Desired::Running).await?;
    enqueue(session, actor, server, OperationKind::RebootServer, lane).await
}

/// Says that a server is to go, calls off what else was to happen to it, and queues its end. One that is not taken under
/// management yet was there before, and is given back.
pub(crate) async fn destroy(
    session: &mut Session,
    actor: &Actor,
    server: &Server,
    lane: &str,
) -> Result<Operation> {
    if let Some(pending) = store::operations::last_pending(session, server.id).await?
        && pending.kind == OperationKind::DestroyServer
    {
        return Ok(pending);
    }
    let is_given_back = store::operations::adoption_is_open(session, server.id).await?;
    // Operations before servers, as workers lock them.
    store::operations::cancel_of_server(
        session,
        server.id,
        "called off: the server is being deleted",
    )
    .await?;
    store::servers::want(session, server.id, Desired::Destroyed).await?;
    // It costs nothing from now on, however long its cloud takes.
    store::billing::end(session, server.id).await?;
    let input = json!({ GIVE_BACK: is_given_back });
    let asked = Asked {
        input: &input,
        secret: None,
    };
    enqueue_with(
        session,
        actor,
        server,
        OperationKind::DestroyServer,
        lane,
        &asked,
    )
    .await
}

pub(crate) async fn enqueue(
    session: &mut Session,
    actor: &Actor,
    server: &Server,
    kind: OperationKind,
    lane: &str,
) -> Result<Operation> {
    let nothing = Value::Object(Map::new());
    let asked = Asked {
        input: &nothing,
        secret: None,
    };
    enqueue_with(session, actor, server, kind, lane, &asked).await
}

/// What an operation is asked to do beyond its kind.
pub(crate) struct Asked<'a> {
    /// By name, for its file in `operations`.
    pub(crate) input: &'a Value,
    /// What of it nobody may read.
    pub(crate) secret: Option<&'a SecretString>,
}

pub(crate) async fn enqueue_with(
    session: &mut Session,
    actor: &Actor,
    server: &Server,
    kind: OperationKind,
    lane: &str,
    asked: &Asked<'_>,
) -> Result<Operation> {
    let new = NewOperation {
        kind,
        server_id: server.id,
        organisation_id: actor.organisation.id,
        actor: Some(actor.user_id),
        facade: actor.facade,
        lane,
        input: asked.input,
        secret: asked.secret,
    };
    store::operations::enqueue(session, &new).await
}

/// `ORGANISATION-USER-APPLICATION-ENVIRONMENT-NODE`. What is too long is cut before the node's name.
fn cloud_name(prefix: &str, name: &str) -> String {
    let node = names::slug(name);
    let room = MAX_CLOUD_NAME.saturating_sub(node.len() + 1);
    let prefix = prefix.get(..room).unwrap_or(prefix);
    format!("{}-{node}", prefix.trim_end_matches('-'))
}

/// That name, with a number where a living server has it that it could be mistaken for, and with chance digits where many
/// have.
pub(crate) async fn free_of(
    session: &mut Session,
    organisation: OrganisationId,
    provider: ProviderId,
    wanted: String,
) -> Result<String> {
    let mut free = wanted.clone();
    for number in 2..=MOST_NUMBERED {
        if !store::servers::cloud_name_is_taken(session, organisation, provider, &free).await? {
            return Ok(free);
        }
        free = format!("{wanted}-{number}");
    }
    Ok(format!("{wanted}-{}", random::hex::<6>()))
}
