//! Makes a server: an instance at the cloud, running, its packages installed and proved.

use std::time::Duration;

use clouds::{CreateInstance, Instance, Until};
use domain::account::KeyPurpose;
use domain::server::{Desired, Power, Setup};

use super::run::{Fault, Run};
use super::{guest, wait};
use crate::catalog::{house, packages};
use crate::provision;

/// How long an instance may take to run and to have an address.
const BOOT: Duration = Duration::from_secs(5 * 60);

pub(super) async fn run(run: &mut Run) -> Result<(), Fault> {
    if run.server.desired == Desired::Destroyed {
        return Err(Fault::Interrupted);
    }
    if run.server.cloud_id.is_none() {
        let instance = make(run).await?;
        let saved = run
            .saw("created", 30, "the instance exists", &instance)
            .await;
        if matches!(saved, Err(Fault::LostLease)) {
            clear_up(run, &instance).await;
        }
        saved?;
    }
    let at = run.existing()?;
    let cloud = run.account.cloud.clone();
    // Made, but never started: the cloud's start failed, or whoever made it died in between.
    if run.server.power == Power::Stopped {
        cloud.start(&at).await?;
    }
    let instance = run
        .interruptible(cloud.wait(&at, Until::Running, BOOT))
        .await??;
    run.saw("running", 50, "the instance runs", &instance)
        .await?;
    guest::install(run, &instance).await?;
    let mut session = run.step("ready", 99, "every package works").await?;
    store::servers::set_setup(&mut session, run.server.id, Setup::Ready, None).await?;
    session.commit().await?;
    Ok(())
}

/// Finds what an earlier try made, or makes it.
async fn make(run: &Run) -> Result<Instance, Fault> {
    // Where no step is recorded, no create was ever sent, and there is nothing to look for.
    if !run.operation.step.is_empty()
        && let Some(found) = found(run).await?
    {
        return Ok(found);
    }
    let request = request(run).await?;
    if run.stop.is_cancelled() {
        return Err(Fault::Interrupted);
    }
    run.note("create", 10, "asking the cloud for an instance")
        .await?;
    // Not interruptible: a create that is on its way is waited for, so that it is never left behind unknown.
    Ok(run.account.cloud.create(&request).await?)
}

/// What an earlier try made. Where a fault made several, the oldest stays and the others go.
async fn found(run: &Run) -> Result<Option<Instance>, Fault> {
    let patience = run.account.cloud.settling().await;
    let mut found = run.look(patience).await?;
    found.sort_by(|a, b| (a.created_at, &a.at.id).cmp(&(b.created_at, &b.at.id)));
    let mut found = found.into_iter();
    let Some(first) = found.next() else {
        return Ok(None);
    };
    for double in found {
        tracing::warn!(server = %run.server.id, instance = double.at.id, "a second instance bears this server's token; it is destroyed");
        run.note(
            "double",
            20,
            "a second instance was made by a fault; it is being destroyed",
        )
        .await?;
        run.account.cloud.destroy(&double.at).await?;
    }
    Ok(Some(first))
}

/// Frozen for longer than its lease, within a create: another worker has the server by now, and has perhaps made it
/// another instance, or destroyed it. As soon as the row says which one the server is, or that it is to be none, this one
/// goes, unless it is that one. Where the row does not say so soon, or the cloud refuses, the search for orphans finds it.
async fn clear_up(run: &Run, mine: &Instance) {
    let (organisation, id) = (run.operation.organisation_id, run.server.id);
    let soon = run.app.settings.lease * 4;
    let known = wait::until(&run.app, soon, || async {
        let mut session = run.app.store.read().await?;
        let server = store::servers::by_id(&mut session, organisation, id).await?;
        let is_settled = server.cloud_id.is_some() || server.desired == Desired::Destroyed;
        Ok(is_settled.then_some(server))
    })
    .await;
    let Ok(Some(server)) = known else { return };
    if server.desired == Desired::Destroyed || server.cloud_id.as_ref() != Some(&mine.at.id) {
        tracing::warn!(server = %id, instance = mine.at.id, "this worker lost its lease within a create; what it made is destroyed");
        if let Err(error) = run.account.cloud.destroy(&mine.at).await {
            tracing::warn!(server = %id, instance = mine.at.id, error = error.message, "the double is still there");
        }
    }
}

async fn request(run: &Run) -> Result<CreateInstance, Fault> {
    let server = &run.server;
    let mut session = run.app.store.read().await?;
    let plan = house::plan(&mut session, &server.plan).await?;
    let image = house::image(&mut session, &server.image).await?;
    let purposes = [KeyPurpose::Control, KeyPurpose::Users];
    let mut public_keys = Vec::with_capacity(purposes.len());
    for purpose in purposes {
        let pair =
            store::key_pairs::by_purpose(&mut session, server.organisation_id, purpose).await?;
        public_keys.push(pair.public_key);
    }
    drop(session);
    let packages = packages::resolve(&server.packages, &image.distribution)?;
    let hostname = domain::names::slug(&server.name);
    let user_data = provision::user_data(
        &public_keys,
        &server.login_user,
        &hostname,
        &packages,
        &image.distribution,
    );
    Ok(CreateInstance {
        tag: run.tag(),
        name: server.cloud_name.clone(),
        region: run.account.region.clone(),
        ports: packages::ports(&packages),
        nesting: packages::nesting(&packages),
        plan,
        image,
        user_data,
        public_keys,
    })
}
