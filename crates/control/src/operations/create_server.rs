//! Makes a server: an instance at the cloud, running, its packages installed and proved.

use std::time::Duration;

use clouds::{CreateInstance, ErrorClass, Instance, InstanceRef, SnapshotRef, Until};
use domain::server::{Desired, Power, Setup};
use domain::snapshot::SnapshotState;
use futures::future::{Either, select};

use super::request::{self, Beyond};
use super::run::{Fault, LastStep, Run};
use super::{guest, wait};
use crate::catalog::packages;

/// How long an instance may take to run and to have an address.
const BOOT: Duration = Duration::from_secs(5 * 60);

/// The step of a create that its cloud did not take.
const REFUSED: &str = "refused";

/// At these steps no create of it can have had an effect.
const NOT_SENT: [&str; 2] = ["", REFUSED];

/// How long it is waited for until it is looked whether it is switched off.
const LOOK: Duration = Duration::from_secs(20);

pub(super) async fn run(run: &mut Run) -> LastStep {
    if run.server.desired == Desired::Destroyed {
        return Err(Fault::Interrupted);
    }
    let instance = match run.at() {
        Some(at) => boot(run, &at, run.server.power).await?,
        None => make_and_boot(run).await?,
    };
    run.saw("running", 50, "the instance runs", &instance)
        .await?;
    guest::install(run, &instance).await?;
    let mut session = run.step("ready", 99, "every package works").await?;
    store::servers::set_setup(&mut session, run.server.id, Setup::Ready, None).await?;
    Ok(session)
}

/// Makes it and waits until it runs; that it is there is recorded meanwhile.
async fn make_and_boot(run: &mut Run) -> Result<Instance, Fault> {
    let made = make(run).await?;
    let recorded = record_and_look(run, &made).await;
    if matches!(recorded, Err(Fault::LostLease)) {
        clear_up(run, &made).await;
    }
    let seen = recorded?;
    run.knows(&made);
    match seen {
        Some(running) => Ok(running),
        None => boot(run, &made.at, made.power).await,
    }
}

/// Records that it is there, and looks meanwhile whether it runs; `None` where it does not yet. Nothing is changed before it is
/// recorded: who can't do that any more does not go on.
async fn record_and_look(run: &Run, made: &Instance) -> Result<Option<Instance>, Fault> {
    let recording = Box::pin(run.record("created", 30, "the instance exists", made));
    if made.power == Power::Stopped {
        return recording.await.map(|()| None);
    }
    let cloud = &run.account.cloud;
    let looking = Box::pin(run.interruptible(cloud.wait(&made.at, Until::Running, LOOK)));
    let looked = match select(recording, looking).await {
        Either::Left((recorded, looking)) => {
            recorded?;
            looking.await
        }
        Either::Right((looked, recording)) => {
            recording.await?;
            looked
        }
    };
    Ok(looked?.ok())
}

/// Waits until the instance runs. What this operation knows of it may be old by now: a start that failed in the cloud's
/// own hands, or somebody else's stop, leaves it switched off, and nobody else would switch it on.
async fn boot(run: &Run, at: &InstanceRef, power: Power) -> Result<Instance, Fault> {
    let cloud = &run.account.cloud;
    // Made, but never started: the cloud's start failed, or whoever made it died in between.
    if power == Power::Stopped {
        cloud.start(at).await?;
    }
    let deadline = tokio::time::Instant::now() + BOOT;
    loop {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let wait = cloud.wait(at, Until::Running, LOOK.min(left));
        match run.interruptible(wait).await? {
            Err(error) if error.class == ErrorClass::Unavailable && left > LOOK => {
                if run.get(at).await?.power == Power::Stopped {
                    cloud.start(at).await?;
                }
            }
            ended => return Ok(ended?),
        }
    }
}

/// Finds what an earlier try made, or makes it.
async fn make(run: &Run) -> Result<Instance, Fault> {
    // Where no create was ever sent, or the last was surely refused, there is nothing to look for.
    if !NOT_SENT.contains(&run.operation.step.as_str())
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
    let made = run.account.cloud.create(&request).await;
    if let Err(error) = &made
        && matches!(error.class, ErrorClass::Throttled(_))
        && NOT_SENT.contains(&run.operation.step.as_str())
    {
        // Nothing was made. Two hundred who would look for that at every try are what throttles them.
        run.note(REFUSED, 10, "its cloud takes no more calls for now")
            .await?;
    }
    Ok(made?)
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
    let snapshot = snapshot(run).await?;
    let mut session = run.app.store.read().await?;
    // Where no step is recorded, no create was sent.
    let is_new = run.operation.step.is_empty();
    let (lists, is_first) = match server.environment_id {
        Some(environment) => {
            let lists = store::servers::package_lists(&mut session, environment).await?;
            let is_first =
                is_new && !store::servers::any_is_made(&mut session, environment).await?;
            (lists, is_first)
        }
        None => (vec![server.packages.clone()], is_new),
    };
    let beyond = Beyond {
        group: run.group(&mut session).await?,
        is_first,
        ports: packages::ports_of(&lists),
        owners: store::servers::user_data(&mut session, server).await?,
        snapshot,
    };
    let region = &run.account.region;
    Ok(request::request(&run.app, &mut session, server, region, beyond).await?)
}

/// The snapshot that it is to be made from.
async fn snapshot(run: &Run) -> Result<Option<SnapshotRef>, Fault> {
    let Some(id) = run.server.snapshot_id else {
        return Ok(None);
    };
    let gone = || Fault::Failed("the snapshot is gone; nothing was made".to_owned());
    let organisation = run.operation.organisation_id;
    let mut session = run.app.store.read().await?;
    let snapshot = store::snapshots::by_id(&mut session, organisation, id)
        .await?
        .filter(|snapshot| snapshot.state == SnapshotState::Available)
        .ok_or_else(gone)?;
    let of = store::servers::by_id(&mut session, organisation, snapshot.server_id).await?;
    Ok(Some(SnapshotRef {
        of: InstanceRef {
            region: run.account.region.clone(),
            id: of.cloud_id.ok_or_else(gone)?,
        },
        name: snapshot.cloud_name,
    }))
}
