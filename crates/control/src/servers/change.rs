//! Changing a single server: power, password, plan, system, and its end.
//!
//! What must stay true: a server that is being destroyed takes no other change; whatever can be refused is refused before
//! an operation is queued.

use clouds::InstanceRef;
use domain::account::Actor;
use domain::operation::{Operation, OperationKind};
use domain::quota::Amounts;
use domain::server::{Desired, Power, Server, Setup, Size};
use domain::{Error, Money, Plan, Result, ServerId, random};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::Session;

use super::Asked;
use crate::accounts::passwords;
use crate::app::{Account, App};
use crate::catalog::{house, images};
use crate::operations::{lane, retry};
use crate::{billing, capacity, providers, quota};

/// The letters of new passwords: none that is taken for another.
const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// How many of them: over 116 bits.
const PASSWORD_LENGTH: usize = 20;

/// Which way a plan changes a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To a larger one.
    Upgrade,
    /// To a smaller one.
    Downgrade,
}

/// A new password, and the operation that sets it.
pub struct NewPassword {
    /// This is the only time that it can be read.
    pub password: SecretString,
    /// The operation that sets it.
    pub operation: Operation,
}

/// A server whose row is locked, within a transaction that changes it.
pub(crate) struct Held<'a> {
    pub(crate) session: Session,
    pub(crate) server: Server,
    pub(super) actor: &'a Actor,
    lane: String,
}

// === impl Held ===

impl<'a> Held<'a> {
    /// Locks a server: its environment first, then what is under way for it, as everybody does. Errors: `NotFound`.
    pub(crate) async fn lock(app: &App, actor: &'a Actor, id: ServerId) -> Result<Self> {
        let (server, account) = known(app, actor, id).await?;
        let organisation = actor.organisation.id;
        let mut session = app.store.write().await?;
        if let Some(environment) = server.environment_id {
            store::environments::lock(&mut session, organisation, environment).await?;
        }
        store::operations::hold_of_server(&mut session, id).await?;
        // Read again under the lock: it may have gone since.
        let server = store::servers::lock(&mut session, organisation, id)
            .await?
            .ok_or_else(|| Error::not_found("server"))?;
        Ok(Self {
            session,
            server,
            actor,
            lane: lane(organisation, &account),
        })
    }

    /// Errors: `Conflict` for a server that is not there yet, or not any more.
    pub(super) fn must_be_there(self) -> Result<Self> {
        must_be_there(&self.server)?;
        Ok(self)
    }

    /// Errors: `Payment`, `Quota` for a plan that is more than what the server has, where it is one of the operator's.
    async fn must_afford(&mut self, app: &App, plan: &Plan) -> Result<()> {
        let (session, server) = (&mut self.session, &self.server);
        if !store::customers::is_of_the_house(session, server.id).await? {
            return Ok(());
        }
        let organisation = server.organisation_id;
        let more = Amounts::change(&server.size, &Size::from(plan));
        quota::check(session, app, organisation, &more).await?;
        let extra = plan.hourly.minus(server.hourly)?;
        // Who wants less may have it, whatever the balance.
        if extra > Money(0) {
            billing::must_cover(session, app, organisation, extra).await?;
        }
        capacity::check(session, &server.region, &more).await
    }

    /// Queues an operation of that kind.
    pub(super) async fn queue(
        &mut self,
        kind: OperationKind,
        input: &Value,
        secret: Option<&SecretString>,
    ) -> Result<Operation> {
        let asked = Asked { input, secret };
        let (session, server) = (&mut self.session, &self.server);
        super::enqueue_with(session, self.actor, server, kind, &self.lane, &asked).await
    }

    /// Says that it is to run, to stop or to go, and queues that.
    pub(crate) async fn switch(&mut self, desired: Desired) -> Result<Operation> {
        let (session, server) = (&mut self.session, &self.server);
        super::switch(session, self.actor, server, desired, &self.lane).await
    }

    /// Writes the line of the audit trail, and makes all of it last.
    pub(crate) async fn commit(mut self, action: &str) -> Result<()> {
        let id = self.server.id.to_string();
        store::audit::record(&mut self.session, self.actor, action, &id).await?;
        self.session.commit().await
    }
}

/// The server and its account. Errors: `NotFound`.
async fn known(app: &App, actor: &Actor, id: ServerId) -> Result<(Server, Account)> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let server = store::servers::living(&mut session, organisation, id)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    let provider = store::providers::by_id(&mut session, organisation, server.provider_id).await?;
    drop(session);
    let account = app.account(&provider, &server.region).await?;
    Ok((server, account))
}

/// Where the server is at its cloud, for what has to look there.
fn at(server: &Server, account: &Account) -> Option<InstanceRef> {
    Some(InstanceRef {
        region: account.region.clone(),
        id: server.cloud_id.clone()?,
    })
}

/// Errors: `Conflict` for a server that is not there yet, or not any more.
fn must_be_there(server: &Server) -> Result<()> {
    let why = match (server.desired, server.setup) {
        (Desired::Destroyed, _) => "the server is being destroyed",
        (_, Setup::Creating) => "the server is still being made",
        (_, Setup::Lost) => "the server vanished at its cloud",
        (_, Setup::Failed) if server.cloud_id.is_none() => "the server could not be made",
        _ => return Ok(()),
    };
    Err(Error::conflict(format!("{why}; nothing was changed")))
}

/// Switches a server on.
pub async fn start(app: &App, actor: &Actor, id: ServerId) -> Result<Operation> {
    power(app, actor, id, Desired::Running, "server.start").await
}

/// Switches a server off.
pub async fn stop(app: &App, actor: &Actor, id: ServerId) -> Result<Operation> {
    power(app, actor, id, Desired::Stopped, "server.stop").await
}

async fn power(
    app: &App,
    actor: &Actor,
    id: ServerId,
    desired: Desired,
    action: &str,
) -> Result<Operation> {
    let mut held = Held::lock(app, actor, id).await?.must_be_there()?;
    let operation = held.switch(desired).await?;
    held.commit(action).await?;
    Ok(operation)
}

/// Restarts a server.
pub async fn reboot(app: &App, actor: &Actor, id: ServerId) -> Result<Operation> {
    let mut held = Held::lock(app, actor, id).await?.must_be_there()?;
    let (session, server) = (&mut held.session, &held.server);
    let operation = super::reboot(session, actor, server, &held.lane).await?;
    held.commit("server.reboot").await?;
    Ok(operation)
}

/// Destroys a server, and its snapshots with it. Asked for twice, the second answers with the first's operation.
pub async fn destroy(app: &App, actor: &Actor, id: ServerId) -> Result<Operation> {
    let mut held = Held::lock(app, actor, id).await?;
    let operation = held.switch(Desired::Destroyed).await?;
    held.commit("server.destroy").await?;
    Ok(operation)
}

/// Sets a new random password of root's. It is nowhere but in the answer.
///
/// Errors: `Conflict` for a server that is not running: it is set inside.
pub async fn change_password(app: &App, actor: &Actor, id: ServerId) -> Result<NewPassword> {
    let (server, _) = known(app, actor, id).await?;
    must_run(&server)?;
    let password = new_password();
    let hash = passwords::crypt(app, password.clone()).await?;
    let mut held = Held::lock(app, actor, id).await?;
    must_run(&held.server)?;
    let input = json!({"user": "root"});
    let kind = OperationKind::ChangePassword;
    let operation = held.queue(kind, &input, Some(&hash)).await?;
    held.commit("server.change_password").await?;
    Ok(NewPassword {
        password,
        operation,
    })
}

fn must_run(server: &Server) -> Result<()> {
    must_be_there(server)?;
    if server.power == Power::Running && server.desired == Desired::Running {
        return Ok(());
    }
    Err(Error::conflict(
        "the server is not running, and a password is set inside it; nothing was changed: start it first",
    ))
}

/// Every letter is as likely as every other: bytes that would favour some are thrown away.
fn new_password() -> SecretString {
    let mut password = String::with_capacity(PASSWORD_LENGTH);
    while password.len() < PASSWORD_LENGTH {
        let byte = usize::from(random::bytes::<1>()[0]);
        let fair = 256 - 256 % LETTERS.len();
        if byte < fair {
            password.push(char::from(LETTERS[byte % LETTERS.len()]));
        }
    }
    SecretString::from(password)
}

/// Gives a server another plan.
///
/// Errors: `Invalid` for an unknown plan, the one that it has, the wrong `direction`, and a disk smaller than what is in use;
/// `Payment`.
pub async fn change_plan(
    app: &App,
    actor: &Actor,
    id: ServerId,
    plan: &str,
    direction: Option<Direction>,
) -> Result<Operation> {
    let (server, account) = known(app, actor, id).await?;
    must_be_there(&server)?;
    let offer = offer_of(app, actor, &server).await?;
    let plan = house::choose(&offer.plans, |plan| &plan.slug, plan, "package")?;
    check_plan(&server, plan, direction)?;
    if plan.disk_gib < server.size.disk_gib {
        check_disk(&server, &account, plan).await?;
    }
    let mut held = Held::lock(app, actor, id).await?.must_be_there()?;
    check_plan(&held.server, plan, direction)?;
    held.must_afford(app, plan).await?;
    let kind = OperationKind::ResizeServer;
    let operation = held.queue(kind, &json!({ "plan": plan }), None).await?;
    held.commit("server.change_plan").await?;
    Ok(operation)
}

fn check_plan(server: &Server, plan: &Plan, direction: Option<Direction>) -> Result<()> {
    let wrong = |message: String| {
        Err(Error::invalid(format!("{message}; nothing was changed")).field("package"))
    };
    if plan.slug == server.plan {
        return wrong(format!(
            "the server has the package {:?} already",
            plan.slug
        ));
    }
    if !plan.open {
        return wrong(format!("the package {:?} is not sold any more", plan.slug));
    }
    let price = |monthly: domain::Money, memory: u64| (monthly, memory);
    let up = price(plan.monthly, plan.memory_mib) >= price(server.monthly, server.size.memory_mib);
    match direction {
        Some(Direction::Upgrade) if !up => wrong(format!(
            "the package {:?} is smaller, so this is no upgrade",
            plan.slug
        )),
        Some(Direction::Downgrade) if up => wrong(format!(
            "the package {:?} is not smaller, so this is no downgrade",
            plan.slug
        )),
        _ => Ok(()),
    }
}

/// A disk takes no less than what is on it.
async fn check_disk(server: &Server, account: &Account, plan: &Plan) -> Result<()> {
    let Some(at) = at(server, account) else {
        return Ok(());
    };
    let used = account
        .cloud
        .disk_usage(&at)
        .await
        .map_err(retry::as_error)?;
    let message = match used {
        Some(used) if used <= plan.disk_gib << 30 => return Ok(()),
        Some(used) => format!(
            "{} GB of the disk are in use, and the package {:?} has {} GB",
            used.div_ceil(1 << 30),
            plan.slug,
            plan.disk_gib
        ),
        None => format!(
            "its cloud can't say how much of the disk is in use, so it can't be made smaller; the package {:?} has {} GB, \
             the server {} GB",
            plan.slug, plan.disk_gib, server.size.disk_gib
        ),
    };
    Err(Error::invalid(format!("{message}; nothing was changed")).field("package"))
}

/// Replaces a server's system by an image's, its own where none is named. Its id, name and addresses stay.
///
/// Errors: `Invalid` for an unknown image, and one that needs more than the server has; `Conflict` while there are
/// snapshots of it where its cloud can't keep them.
pub async fn rebuild(
    app: &App,
    actor: &Actor,
    id: ServerId,
    image: Option<&str>,
) -> Result<Operation> {
    let (server, _) = known(app, actor, id).await?;
    must_be_there(&server)?;
    let offer = offer_of(app, actor, &server).await?;
    let image = image.unwrap_or(&server.image);
    let image = house::choose(&offer.images, |image| &image.slug, image, "image")?;
    images::fit(&server.agreed_plan(), image)?;
    let mut held = Held::lock(app, actor, id).await?.must_be_there()?;
    let organisation = actor.organisation.id;
    let snapshots = store::snapshots::of_server(&mut held.session, organisation, id).await?;
    if !snapshots.is_empty() {
        return Err(Error::conflict(
            "there are snapshots of this server, and its system can't be replaced under them; nothing was changed: destroy \
             them first",
        ));
    }
    super::must_not_be_held(&mut held.session, &held.server).await?;
    store::servers::want(&mut held.session, id, Desired::Running).await?;
    let kind = OperationKind::RebuildServer;
    let operation = held.queue(kind, &json!({ "image": image }), None).await?;
    held.commit("server.rebuild").await?;
    Ok(operation)
}

/// What the server's provider sells.
async fn offer_of(app: &App, actor: &Actor, server: &Server) -> Result<clouds::Offer> {
    let mut session = app.store.read().await?;
    let organisation = actor.organisation.id;
    let provider = store::providers::by_id(&mut session, organisation, server.provider_id).await?;
    drop(session);
    Ok(providers::of_provider(app, &provider).await?.offer)
}
