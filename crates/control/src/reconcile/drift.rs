//! Drift: a server was changed or has vanished outside Arcus.
//!
//! What the cloud shows is written into the row; what the owner wants is left as it is, and nothing at the cloud is
//! changed: somebody did that for a reason. A server with work under way is its operation's business.

use std::collections::{HashMap, HashSet};

use clouds::{ErrorClass, Instance, InstanceRef, Tag};
use domain::server::{Desired, Power, Server, Setup};
use domain::{ProviderId, Result, ServerId};
use futures::future::try_join_all;

use crate::app::{Account, App};
use crate::operations::{Originals, retry, sight};

/// What is told of a server that is gone.
const LOST: &str =
    "the server vanished at its cloud without Arcus's doing; delete it, or scale up to replace it";

/// What is told of a server that is off and should be on.
const OFF: &str =
    "the server was switched off outside Arcus; start its environment to switch it on";

/// What is told of a server that is on and should be off.
const ON: &str = "the server was switched on outside Arcus; stop its environment to switch it off";

/// So many servers are looked at one by one.
const FEW: usize = 16;

/// Compares all servers of an account with what its cloud shows. Returns the cloud's ids of those that live and are to
/// live on.
pub(super) async fn compare_all(
    app: &App,
    provider: Option<ProviderId>,
    account: &Account,
    seen: &[Instance],
) -> Result<HashSet<String>> {
    let by_token = index(seen);
    let mut own = HashSet::new();
    let mut after = ServerId(0);
    loop {
        let mut session = app.store.read().await?;
        let page =
            store::servers::page_of_account(&mut session, provider, &account.region, after).await?;
        drop(session);
        let Some(last) = page.last() else {
            return Ok(own);
        };
        after = last.id;
        for server in &page {
            let instance = instance_of(app, account, server, &by_token).await?;
            if let Some(id) = &server.cloud_id
                && server.deleted_name.is_none()
                && instance.is_some_and(|instance| instance.at.id == *id)
            {
                own.insert(id.clone());
            }
            if differs(server, instance) {
                compare(app, account, server, instance).await?;
            }
        }
    }
}

/// Looks at some servers of an account now: one by one where they are few, for an account may have very many.
pub(crate) async fn look(app: &App, account: &Account, servers: &[Server]) -> Result<()> {
    if servers.len() <= FEW {
        let looks = servers.iter().map(|server| look_at(app, account, server));
        return try_join_all(looks).await.map(drop);
    }
    let seen = account
        .cloud
        .list(&account.region, &app.installation)
        .await
        .map_err(retry::as_error)?;
    let by_token = index(&seen);
    for server in servers {
        let instance = instance_of(app, account, server, &by_token).await?;
        if differs(server, instance) {
            compare(app, account, server, instance).await?;
        }
    }
    Ok(())
}

async fn look_at(app: &App, account: &Account, server: &Server) -> Result<()> {
    let Some(id) = server.cloud_id.clone() else {
        return Ok(());
    };
    let instance = get(app, account, server, id).await?;
    // Renamed outside Arcus: where the name is the id, it bears our token under another one.
    let instance = if instance.is_some() {
        instance
    } else {
        let found = account.cloud.find(&account.region, &tag(app, server)).await;
        let found = found.map_err(retry::as_error)?;
        let found = found.iter().collect::<Vec<_>>();
        oldest(app, account, server, &found).await?.cloned()
    };
    if differs(server, instance.as_ref()) {
        compare(app, account, server, instance.as_ref()).await?;
    }
    Ok(())
}

fn tag(app: &App, server: &Server) -> Tag {
    Tag {
        installation: app.installation.clone(),
        token: server.token.clone(),
    }
}

fn is_own(app: &App, server: &Server, instance: &Instance) -> bool {
    instance.tag.as_ref() == Some(&tag(app, server))
}

/// The server's instance of that id; `None` where there is none, or where the id is a name that is another's by now.
async fn get(
    app: &App,
    account: &Account,
    server: &Server,
    id: String,
) -> Result<Option<Instance>> {
    let at = InstanceRef {
        region: account.region.clone(),
        id,
    };
    match account.cloud.get(&at).await {
        Ok(instance) => Ok(Some(instance).filter(|instance| is_own(app, server, instance))),
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        Err(error) => Err(retry::as_error(error)),
    }
}

fn index(seen: &[Instance]) -> HashMap<&str, Vec<&Instance>> {
    let mut index: HashMap<&str, Vec<&Instance>> = HashMap::new();
    for instance in seen {
        if let Some(tag) = &instance.tag {
            index.entry(tag.token.as_str()).or_default().push(instance);
        }
    }
    index
}

/// The server's own instance: of several that bear its token after a fault, the one whose id is in the row.
async fn instance_of<'a>(
    app: &App,
    account: &Account,
    server: &Server,
    by_token: &HashMap<&str, Vec<&'a Instance>>,
) -> Result<Option<&'a Instance>> {
    let Some(of_token) = by_token.get(server.token.as_str()) else {
        return Ok(None);
    };
    let own = of_token
        .iter()
        .find(|instance| server.cloud_id.as_ref() == Some(&instance.at.id));
    match own {
        Some(own) => Ok(Some(own)),
        None => oldest(app, account, server, of_token).await,
    }
}

/// Of those that bear the server's token, the first that may be the server: renamed outside Arcus, and no copy of it.
async fn oldest<'a>(
    app: &App,
    account: &Account,
    server: &Server,
    of_token: &[&'a Instance],
) -> Result<Option<&'a Instance>> {
    let mut session = app.store.read().await?;
    let originals = Originals::of(&mut session, account.cloud.as_ref(), server).await?;
    drop(session);
    let first = of_token
        .iter()
        .filter(|instance| originals.include(instance) != Some(false))
        .min_by_key(|instance| instance.created_at);
    Ok(first.copied())
}

/// Whether a row needs to be looked at more closely.
fn differs(server: &Server, instance: Option<&Instance>) -> bool {
    match instance {
        None => {
            let known = server.setup == Setup::Failed && server.power == Power::Terminated;
            server.cloud_id.is_some() && server.setup != Setup::Lost && !known
        }
        Some(instance) => {
            let moved =
                |now: &Option<String>, known: &Option<String>| now.is_some() && now != known;
            instance.power != server.power
                || server.setup == Setup::Lost
                || server.cloud_id.as_ref() != Some(&instance.at.id)
                || moved(&instance.public_ip, &server.public_ip)
                || moved(&instance.private_ip, &server.private_ip)
                || moved(&instance.network.netmask, &server.netmask)
                || moved(&instance.network.ipv6, &server.public_ipv6)
        }
    }
}

fn switched_outside(desired: Desired, power: Power) -> Option<&'static str> {
    match (desired, power) {
        (Desired::Running, Power::Stopped) => Some(OFF),
        (Desired::Stopped, Power::Running) => Some(ON),
        _ => None,
    }
}

async fn compare(
    app: &App,
    account: &Account,
    server: &Server,
    instance: Option<&Instance>,
) -> Result<()> {
    // Just after a create, "not there" means "not yet".
    let age = app.clock().now().since(server.created_at);
    if instance.is_none() && age < account.cloud.settling().await {
        return Ok(());
    }
    // A list may be older than the row: one more look at the very instance, between two looks at the row, settles it.
    let id = match (&server.cloud_id, instance) {
        (Some(id), None) => id.clone(),
        (_, Some(instance)) => instance.at.id.clone(),
        (None, None) => return Ok(()),
    };
    let mut session = app.store.read().await?;
    let before = store::servers::by_id(&mut session, server.organisation_id, server.id).await?;
    drop(session);
    let instance = get(app, account, server, id).await?;
    let mut session = app.store.write().await?;
    // An operation that waits or runs is about to change it, and tells by itself.
    if store::operations::last_pending(&mut session, server.id)
        .await?
        .is_some()
    {
        return Ok(());
    }
    let now = store::servers::by_id(&mut session, server.organisation_id, server.id).await?;
    // What changed in between is seen by the next look.
    if now.desired == Desired::Destroyed || now != before {
        return Ok(());
    }
    if let Some(instance) = instance.filter(|instance| instance.power != Power::Terminated) {
        if now.setup == Setup::Lost {
            store::servers::set_setup(&mut session, now.id, Setup::Ready, None).await?;
        }
        if now.setup == Setup::Lost || now.power == Power::Terminated {
            // What has come back costs its price again.
            store::billing::begin(&mut session, now.id).await?;
        }
        if now.power != instance.power {
            app.metrics.drift(instance.power.as_str());
            tracing::info!(server = %now.id, was = now.power.as_str(), is = instance.power.as_str(), "a server was switched outside Arcus");
        }
        store::servers::observe(&mut session, now.id, &sight(&instance)).await?;
        if now.setup == Setup::Ready {
            let told = switched_outside(now.desired, instance.power);
            let was_told = [OFF, ON].map(Some).contains(&now.error.as_deref());
            if told.is_some() || was_told {
                store::servers::set_setup(&mut session, now.id, now.setup, told).await?;
            }
        }
    } else if now.setup != Setup::Lost && now.cloud_id.is_some() {
        app.metrics.drift("lost");
        tracing::warn!(server = %now.id, name = now.cloud_name, "a server vanished at its cloud");
        let sight = store::servers::Sight::of(Power::Terminated);
        store::servers::observe(&mut session, now.id, &sight).await?;
        // What failed stays failed, and for its own reason: should it come back, it is no readier than it was.
        if now.setup != Setup::Failed {
            store::servers::set_setup(&mut session, now.id, Setup::Lost, Some(LOST)).await?;
        }
        store::billing::end(&mut session, now.id).await?;
    }
    session.tell();
    session.commit().await
}
