//! Orphans: instances that bear our tag and that no living server accounts for. They may cost money, so they are
//! reported, and removed where the operator's policy says so; nothing happens to them silently.
//!
//! One case needs no policy: what a crash left of a known server, as a double or after its owner has had it destroyed. It
//! bears that server's token. A copy that a person made may bear it too, and is no such case.

use clouds::{ErrorClass, Instance, InstanceRef, Tag};
use domain::environment::Provider;
use domain::server::{Server, Setup};
use domain::{Error, OrphanId, Plan, PublicId, Result, Timestamp};
use store::Session;
use store::orphans::Orphan;

use crate::app::{Account, App, HOUSE, OrphanPolicy};
use crate::catalog::house;
use crate::operations::{Originals, retry, sight};
use crate::servers;

/// So many orphans of an account are dealt with in one look: whoever runs the cloud says how many there are.
const MOST: usize = 1000;

/// The state of an orphan whose end was decided and has not been seen yet.
const REMOVING: &str = "removing";

pub(super) async fn compare(
    app: &App,
    label: &str,
    account: &Account,
    seen: &[Instance],
    began: Timestamp,
) -> Result<()> {
    let mut failed = None;
    let mut met = 0;
    for instance in seen {
        let mut session = app.store.read().await?;
        let Some(tag) = &instance.tag else {
            let token = half_released(&mut session, label, instance).await?;
            drop(session);
            if let Some(token) = token
                && let Err(error) = see(app, label, account, instance, &token, true).await
            {
                failed = Some(error);
            }
            continue;
        };
        let server = store::servers::by_token(&mut session, &tag.token).await?;
        let left_over = match &server {
            Some(server) if is_own(server, instance) => continue,
            Some(server) => {
                let pending = store::operations::last_pending(&mut session, server.id).await?;
                if pending.is_some() {
                    continue;
                }
                // A copy is somebody's, for a backup perhaps, and outlives the server: only what is surely none is left over.
                let originals = Originals::of(&mut session, account.cloud.as_ref(), server).await?;
                originals.include(instance) == Some(true)
            }
            None => false,
        };
        drop(session);
        met += 1;
        if met > MOST {
            tracing::warn!(
                account = label,
                region = account.region,
                "more orphans than are looked at at once"
            );
            break;
        }
        // One that can't be removed today keeps none of the others.
        if let Err(error) = see(app, label, account, instance, &tag.token, left_over).await {
            failed = Some(error);
        }
    }
    let mut session = app.store.read().await?;
    let vanished = store::orphans::vanished(&mut session, label, &account.region, began).await?;
    drop(session);
    for orphan in vanished {
        if let Err(error) = destroy(app, account, &orphan, "reconciler").await {
            failed = Some(error);
        }
    }
    let mut session = app.store.write().await?;
    store::orphans::forget_unseen(&mut session, label, &account.region, began).await?;
    session.commit().await?;
    failed.map_or(Ok(()), Err)
}

/// The token of one that was being given back when its cloud failed, with a part of our tag still on it: it is gone on with.
async fn half_released(
    session: &mut Session,
    label: &str,
    instance: &Instance,
) -> Result<Option<String>> {
    let at = &instance.at;
    let Some(token) = store::orphans::removing(session, label, &at.region, &at.id).await? else {
        return Ok(None);
    };
    let server = store::servers::by_token(session, &token).await?;
    let is_meant = removal(session, server.as_ref()).await? == Removal::GivenBack;
    Ok(is_meant.then_some(token))
}

/// Several may bear one token after a fault; the one whose id is in the row is the server.
fn is_own(server: &Server, instance: &Instance) -> bool {
    server.cloud_id.as_ref() == Some(&instance.at.id) && server.deleted_name.is_none()
}

async fn see(
    app: &App,
    label: &str,
    account: &Account,
    instance: &Instance,
    token: &str,
    left_over: bool,
) -> Result<()> {
    let mut session = app.store.write().await?;
    let before = session.now();
    let orphan = store::orphans::see(
        &mut session,
        label,
        &account.region,
        &instance.at.id,
        token,
        &instance.name,
    )
    .await?;
    let known_for = session.now().since(orphan.first_seen_at);
    session.commit().await?;
    // A worker that was frozen may wake in a create, and clears up after itself.
    let wait = if left_over {
        app.settings.lease * 4
    } else {
        app.settings.orphans_after
    };
    let policy = left_over || app.settings.orphans == OrphanPolicy::Remove;
    if orphan.state == REMOVING || (policy && known_for >= wait) {
        return destroy(app, account, &orphan, "reconciler").await.map(drop);
    }
    if orphan.first_seen_at >= before {
        tracing::warn!(
            account = label,
            region = account.region,
            instance = instance.at.id,
            name = instance.name,
            "an instance bears our tag and no server accounts for it; see: arcus admin orphan ls"
        );
    }
    Ok(())
}

/// What becomes of an orphan that is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is destroyed at its cloud.
    Destroyed,
    /// It was there before, its import was undone, and it got our tag all the same: that is taken off.
    GivenBack,
    /// Nothing is there any more.
    Gone,
}

/// Destroys an orphan at its cloud, or gives it back, for the operator. Errors: `Conflict` for one that a server accounts for.
pub async fn remove(app: &App, id: OrphanId) -> Result<Removal> {
    let (orphan, account) = find(app, id).await?;
    undecided(&orphan)?;
    destroy(app, &account, &orphan, "cli").await
}

fn undecided(orphan: &Orphan) -> Result<()> {
    if ["reported", REMOVING].contains(&orphan.state.as_str()) {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "that orphan is {} already; nothing was done",
        orphan.state
    )))
}

/// Says that an orphan is to go, and destroys it, or gives it back; where the cloud refuses today, the next look asks again.
async fn destroy(app: &App, account: &Account, orphan: &Orphan, who: &str) -> Result<Removal> {
    // What was listed a while ago may have been adopted since, or be another's by now.
    let now = match account.cloud.get(&at(orphan)).await {
        Ok(instance) => Some(instance),
        Err(error) if error.class == ErrorClass::NotFound => None,
        Err(error) => return Err(retry::as_error(error)),
    };
    let mut session = app.store.read().await?;
    let server = store::servers::by_token(&mut session, &orphan.token).await?;
    let removal = removal(&mut session, server.as_ref()).await?;
    drop(session);
    if let Some(instance) = now {
        let is_meant = match &instance.tag {
            Some(tag) => tag.token == orphan.token,
            // Of a tag of several parts some were taken off before, when the cloud failed.
            None => removal == Removal::GivenBack,
        };
        if !is_meant || server.is_some_and(|server| is_own(&server, &instance)) {
            return Err(Error::conflict(
                "that instance is no orphan any more; nothing was done to it",
            ));
        }
    }
    if orphan.state != REMOVING {
        let (action, what) = match removal {
            Removal::GivenBack => ("orphan.release", "an orphan is being given back"),
            _ => ("orphan.remove", "an orphan is being removed"),
        };
        tracing::warn!(
            account = orphan.account,
            region = orphan.region,
            instance = orphan.cloud_id,
            "{what}"
        );
        let mut session = app.store.write().await?;
        store::orphans::set_state(&mut session, orphan.id, REMOVING).await?;
        store::audit::record_operator(&mut session, who, action, &orphan.cloud_id).await?;
        session.commit().await?;
    }
    let at = at(orphan);
    let mut done = match removal {
        Removal::GivenBack => account.cloud.release(&at).await,
        _ => account.cloud.destroy(&at).await,
    };
    // What outlives it goes too; where that fails the next look comes by here again.
    let is_gone = match &done {
        Ok(()) => true,
        Err(error) => error.class == ErrorClass::NotFound && orphan.state == REMOVING,
    };
    if is_gone && removal == Removal::Destroyed {
        done = account.cloud.clear_gone(&at).await.and(done);
    }
    let removal = match done {
        Ok(()) => removal,
        Err(error) if error.class == ErrorClass::NotFound => Removal::Gone,
        Err(error) => return Err(retry::as_error(error)),
    };
    let mut session = app.store.write().await?;
    store::orphans::set_state(&mut session, orphan.id, "removed").await?;
    session.commit().await?;
    Ok(removal)
}

async fn removal(session: &mut Session, server: Option<&Server>) -> Result<Removal> {
    match server {
        Some(server) if store::operations::is_given_back(session, server.id).await? => {
            Ok(Removal::GivenBack)
        }
        _ => Ok(Removal::Destroyed),
    }
}

/// Takes an orphan into an environment of the same account and region, as a server that is ready: nothing is
/// installed on it. In the operator's regions it counts and costs as much as a server of that plan, which has to be
/// affordable as for any other.
///
/// Errors: `NotFound` for the orphan or the environment; `Conflict` when the environment is elsewhere; `Invalid` without a
/// plan in the operator's regions, and with one elsewhere; `Payment`, `Quota`.
pub async fn adopt(
    app: &App,
    id: OrphanId,
    environment: &PublicId,
    plan: Option<&str>,
) -> Result<Server> {
    let (orphan, account) = find(app, id).await?;
    undecided(&orphan)?;
    if orphan.state == REMOVING {
        return Err(Error::conflict(
            "that orphan is just being removed, and nothing was done: what is left of it then can be imported",
        ));
    }
    let instance = account
        .cloud
        .get(&at(&orphan))
        .await
        .map_err(retry::as_error)?;
    let mut session = app.store.read().await?;
    let (environment, owner) = store::environments::for_operator(&mut session, environment)
        .await?
        .ok_or_else(|| Error::not_found("environment"))?;
    let provider = store::providers::by_id(
        &mut session,
        environment.organisation_id,
        environment.provider_id,
    )
    .await?;
    drop(session);
    let here = app.account(&provider, &environment.region).await?;
    if here.key != account.key || here.region != account.region {
        return Err(Error::conflict(
            "that environment is on another account or in another region; nothing was adopted",
        ));
    }
    let plan = plan_of(&mut app.store.read().await?, &provider, plan).await?;
    // Looked at before the cloud is told anything, and again when it is written.
    admit(
        &mut app.store.write().await?,
        app,
        &provider,
        &account,
        plan.as_ref(),
    )
    .await?;
    // A token of its own: the old one may be a destroyed server's. The cloud is told first; if this process dies in
    // between, the instance is an orphan still, and nothing is lost.
    let token = domain::random::hex::<16>();
    let tag = Tag {
        installation: app.installation.clone(),
        token,
    };
    account
        .cloud
        .adopt(&at(&orphan), &tag)
        .await
        .map_err(retry::as_error)?;
    let mut session = app.store.write().await?;
    let organisation = environment.organisation_id;
    let environment = store::environments::lock(&mut session, organisation, environment.id)
        .await?
        .filter(|environment| !environment.deleting)
        .ok_or_else(|| Error::not_found("environment"))?;
    admit(&mut session, app, &provider, &account, plan.as_ref()).await?;
    let name = instance.name.clone();
    let cloud_name = servers::free_of(&mut session, organisation, provider.id, name).await?;
    let adopted = store::servers::Adopted {
        environment: &environment,
        owner,
        name: &format!("adopted-{}", orphan.id),
        cloud_name: &cloud_name,
        token: &tag.token,
        cloud_id: &orphan.cloud_id,
    };
    let server = store::servers::adopt(&mut session, &adopted).await?;
    store::servers::observe(&mut session, server.id, &sight(&instance)).await?;
    store::servers::set_setup(&mut session, server.id, Setup::Ready, None).await?;
    if let Some(plan) = &plan {
        store::servers::set_plan(&mut session, server.id, plan).await?;
    }
    store::billing::begin(&mut session, server.id).await?;
    store::orphans::set_state(&mut session, orphan.id, "adopted").await?;
    store::audit::record_operator(&mut session, "cli", "orphan.adopt", &orphan.cloud_id).await?;
    session.commit().await?;
    Ok(server)
}

/// The plan that an instance is adopted with: any of the operator's, closed or not, and none on a customer's own account,
/// where it has the size that it has.
async fn plan_of(
    session: &mut Session,
    provider: &Provider,
    plan: Option<&str>,
) -> Result<Option<Plan>> {
    match plan {
        None if provider.kind == HOUSE => Err(Error::invalid(
            "in the operator's own regions a server has a plan, by which it counts and costs; nothing was adopted: say which \
             with --plan",
        )),
        None => Ok(None),
        Some(_) if provider.kind != HOUSE => Err(Error::invalid(
            "on a customer's own account there are no plans of the operator's; nothing was adopted: leave --plan out",
        )),
        Some(plan) => {
            let plans = store::house::plans(session).await?;
            let chosen = house::choose(&plans, |plan| &plan.slug, plan, "plan")?;
            Ok(Some(chosen.clone()))
        }
    }
}

async fn admit(
    session: &mut Session,
    app: &App,
    provider: &Provider,
    account: &Account,
    plan: Option<&Plan>,
) -> Result<()> {
    let Some(plan) = plan else { return Ok(()) };
    servers::admit(session, app, provider, &account.region, &[plan])
        .await
        .map(drop)
}

fn at(orphan: &Orphan) -> InstanceRef {
    InstanceRef {
        region: orphan.region.clone(),
        id: orphan.cloud_id.clone(),
    }
}

async fn find(app: &App, id: OrphanId) -> Result<(Orphan, Account)> {
    let mut session = app.store.read().await?;
    let orphans = store::orphans::list(&mut session).await?;
    drop(session);
    let orphan = orphans
        .into_iter()
        .find(|orphan| orphan.id == id)
        .ok_or_else(|| Error::not_found("orphan"))?;
    for (label, account) in super::accounts(app).await? {
        if label.name == orphan.account && account.region == orphan.region {
            return Ok((orphan, account));
        }
    }
    Err(Error::not_found("account of that orphan"))
}
