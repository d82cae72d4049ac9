//! Changing a single server: power, password, plan, system, and its end.
//!
//! What must stay true: a server that is being destroyed takes no other change; whatever can be refused is refused before
//! an operation is queued.

use clouds::{InstanceRef, Offer};
use domain::account::Actor;
use domain::operation::{Operation, OperationKind};
use domain::quota::Amounts;
use domain::server::{Desired, Power, Server, Setup, Size};
use domain::{Error, Image, Plan, Result, ServerId, random};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::Session;

use super::Asked;
use super::foreseen::foresee;
use crate::accounts::passwords;
use crate::app::{Account, App};
use crate::billing::More;
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
    /// Locks a server. Errors: `NotFound`.
    pub(crate) async fn lock(app: &App, actor: &'a Actor, id: ServerId) -> Result<Self> {
        let (server, account) = known(app, actor, id).await?;
        let mut session = app.store.write().await?;
        let server = lock(&mut session, &server)
            .await?
            .ok_or_else(|| Error::not_found("server"))?;
        Ok(Self {
            session,
            server,
            actor,
            lane: lane(actor.organisation.id, &account),
        })
    }

    /// The server as it will be when what was asked for before is done.
    pub(super) async fn foreseen(&mut self) -> Result<Server> {
        foresee(&mut self.session, &self.server).await
    }

    /// Errors: `Conflict` for a server that is not there yet, or not any more, and for one whose import failed.
    pub(super) async fn must_be_there(mut self) -> Result<Self> {
        must_be_there(&self.server)?;
        super::must_be_managed(&mut self.session, &self.server).await?;
        Ok(self)
    }

    /// Errors: `Payment`, `Quota` for a plan that is more than what the server has or is about to have, where it is one of the
    /// operator's.
    async fn must_afford(&mut self, app: &App, later: &Server, plan: &Plan) -> Result<()> {
        let (session, server) = (&mut self.session, &self.server);
        if !store::customers::is_of_the_house(session, server.id).await? {
            return Ok(());
        }
        let organisation = server.organisation_id;
        // Of the two the larger counts as used already, until the change that is under way is done.
        let size = larger(&server.size, &later.size);
        let more = Amounts::change(&size, &Size::from(plan));
        quota::check(session, app, organisation, &more).await?;
        // Who wants less may have it, whatever the balance.
        if plan.hourly > server.hourly.max(later.hourly)
            || plan.monthly > server.monthly.max(later.monthly)
        {
            let more = More::Plan(server.id, plan);
            billing::must_cover(session, app, organisation, &more).await?;
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

/// Locks a server until the session ends, as everybody does: its environment first, then what is under way for it. As it is
/// now: it may have changed, or gone, since it was read.
pub(super) async fn lock(session: &mut Session, server: &Server) -> Result<Option<Server>> {
    let organisation = server.organisation_id;
    if let Some(environment) = server.environment_id {
        store::environments::hold(session, environment).await?;
    }
    store::operations::hold_of_server(session, server.id).await?;
    store::servers::lock(session, organisation, server.id).await
}

fn larger(one: &Size, other: &Size) -> Size {
    Size {
        cpus: one.cpus.max(other.cpus),
        memory_mib: one.memory_mib.max(other.memory_mib),
        disk_gib: one.disk_gib.max(other.disk_gib),
        bandwidth_tb: one.bandwidth_tb.max(other.bandwidth_tb),
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
    let mut held = Held::lock(app, actor, id).await?.must_be_there().await?;
    let operation = held.switch(desired).await?;
    held.commit(action).await?;
    Ok(operation)
}

/// Restarts a server; one that is off is started.
pub async fn reboot(app: &App, actor: &Actor, id: ServerId) -> Result<Operation> {
    let mut held = Held::lock(app, actor, id).await?.must_be_there().await?;
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
/// Errors: `Conflict` for a server that is not running, and is not about to: it is set inside.
pub async fn change_password(app: &App, actor: &Actor, id: ServerId) -> Result<NewPassword> {
    let (server, _) = known(app, actor, id).await?;
    must_run(&foresee(&mut app.store.read().await?, &server).await?)?;
    let password = new_password();
    let hash = passwords::crypt(app, password.clone()).await?;
    let mut held = Held::lock(app, actor, id).await?.must_be_there().await?;
    must_run(&held.foreseen().await?)?;
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
    // What its owner wants does not tell: it may have been switched on elsewhere.
    if server.power == Power::Running {
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
/// Errors: `Invalid` for an unknown plan, a closed one, the one that it has or is about to have, one that is too small for
/// its image, the wrong `direction`, and a disk smaller than what is in use; `Payment`, `Quota`.
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
    let later = foresee(&mut app.store.read().await?, &server).await?;
    let found = check_plan(&offer, &later, plan, direction)?;
    if found.disk_gib < server.size.disk_gib.max(later.size.disk_gib) {
        check_disk(&server, &account, found).await?;
    }
    let mut held = Held::lock(app, actor, id).await?.must_be_there().await?;
    let later = held.foreseen().await?;
    let plan = check_plan(&offer, &later, plan, direction)?;
    held.must_afford(app, &later, plan).await?;
    let kind = OperationKind::ResizeServer;
    let operation = held.queue(kind, &json!({ "plan": plan }), None).await?;
    held.commit("server.change_plan").await?;
    Ok(operation)
}

/// The plan of that slug, for a server as it will be.
fn check_plan<'a>(
    offer: &'a Offer,
    server: &Server,
    slug: &str,
    direction: Option<Direction>,
) -> Result<&'a Plan> {
    let wrong = |message: String| {
        Err(Error::invalid(format!("{message}; nothing was changed")).field("package"))
    };
    if slug == server.plan {
        return wrong(format!(
            "the server has the package {slug:?} already, or is about to have it"
        ));
    }
    let plan = house::on_sale(&offer.plans, slug, "package")?;
    if let Some(image) = image_of(offer, server) {
        images::fit(plan, image)?;
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
        _ => Ok(plan),
    }
}

/// The image that a server was made from; `None` where it was adopted, or the image was removed.
fn image_of<'a>(offer: &'a Offer, server: &Server) -> Option<&'a Image> {
    offer.images.iter().find(|image| image.slug == server.image)
}

/// A disk takes no less than what is on it.
async fn check_disk(server: &Server, account: &Account, plan: &Plan) -> Result<()> {
    let Some(at) = at(server, account) else {
        return Ok(());
    };
    let used = account.cloud.disk_usage(&at).await.map_err(|mut error| {
        let why = &error.message;
        error.message = format!(
            "its cloud did not say how much of the disk is in use; nothing was changed: try again: {why}"
        );
        retry::as_error(error)
    })?;
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

/// Replaces a server's system by an image's, its own where none is named. Its id, name and addresses stay, and so do the
/// packages that its owner has added to those of its image.
///
/// Errors: `Invalid` for an unknown image, a closed one that is not its own, one that needs more than the server has, and
/// one with packages that can't be beside the owner's; `Conflict` while there are snapshots of it where its cloud can't keep
/// them.
pub async fn rebuild(
    app: &App,
    actor: &Actor,
    id: ServerId,
    image: Option<&str>,
) -> Result<Operation> {
    let (server, _) = known(app, actor, id).await?;
    must_be_there(&server)?;
    let offer = offer_of(app, actor, &server).await?;
    let mut held = Held::lock(app, actor, id).await?.must_be_there().await?;
    let later = held.foreseen().await?;
    let slug = image.unwrap_or(&later.image);
    // What was closed is its own's still.
    let image = if slug == later.image {
        house::choose(&offer.images, |image| &image.slug, slug, "image")?
    } else {
        house::on_sale(&offer.images, slug, "image")?
    };
    images::fit(&later.agreed_plan(), image)?;
    let packages = images::packages_after(image, image_of(&offer, &later), &later.packages)?;
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
    let input = json!({ "image": image, "packages": packages });
    let operation = held.queue(kind, &input, None).await?;
    held.commit("server.rebuild").await?;
    Ok(operation)
}

/// What the server's provider sells.
async fn offer_of(app: &App, actor: &Actor, server: &Server) -> Result<Offer> {
    let mut session = app.store.read().await?;
    let organisation = actor.organisation.id;
    let provider = store::providers::by_id(&mut session, organisation, server.provider_id).await?;
    drop(session);
    Ok(providers::of_provider(app, &provider).await?.offer)
}
