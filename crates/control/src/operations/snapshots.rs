//! Takes, restores and forgets snapshots of a server's disk.
//!
//! What must stay true: each can be tried again after a crash at any point, and does then what is left to do.

use clouds::{CloudError, ErrorClass};
use domain::SnapshotId;
use domain::snapshot::Snapshot;
use serde_json::json;

use super::resize::{remember_power, run_again};
use super::run::{Fault, LastStep, Run};
use crate::servers;

/// So often one that was taken is looked for: for about ten minutes.
const LOOKS: i64 = 16;

pub(super) async fn create(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let snapshot = named(run).await?;
    run.interruptible(run.get(&at)).await??;
    run.note("snapshot", 10, "asking the cloud for a snapshot")
        .await?;
    let cloud = run.account.cloud.clone();
    let is_it = |seen: &clouds::Snapshot| seen.name == snapshot.cloud_name;
    // An earlier try may have made it, though its answer was lost. One that was taken is not taken again, shown or not.
    let is_there = run.has_done("taken")
        || run
            .interruptible(cloud.snapshots(&at))
            .await??
            .iter()
            .any(is_it);
    if !is_there {
        cloud.create_snapshot(&at, &snapshot.cloud_name).await?;
        let output = json!({ "taken": true });
        let mut session = run
            .step("asked", 80, "the cloud has taken the snapshot")
            .await?;
        store::operations::set_output(&mut session, &run.lease, &output).await?;
        session.commit().await?;
        run.operation.output = output;
    }
    let seen = run.interruptible(cloud.snapshots(&at)).await??;
    // Said to be there before it is, its deletion would find nothing, and it would be paid for.
    let Some(taken) = seen.into_iter().find(is_it) else {
        return Err(not_shown(run).await?);
    };
    let mut session = run.step("taken", 90, "the snapshot is there").await?;
    store::snapshots::made(&mut session, snapshot.id, taken.size_bytes).await?;
    Ok(session)
}

/// It is shown soon, or somebody has deleted it since.
async fn not_shown(run: &Run) -> Result<Fault, Fault> {
    let mut session = run.app.store.read().await?;
    let looks = store::operations::retries_in_a_row(&mut session, run.operation.id).await?;
    if looks < LOOKS {
        let why = "the cloud has taken the snapshot, and does not show it yet";
        return Ok(CloudError::new(ErrorClass::Unavailable, why).into());
    }
    let why = "the cloud has taken the snapshot, and does not show it: somebody may have deleted it there. Delete this one, and \
               take another";
    Ok(Fault::Failed(why.to_owned()))
}

pub(super) async fn restore(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let snapshot = named(run).await?;
    let before = run.interruptible(run.get(&at)).await??;
    remember_power(run, before.power).await?;
    if !run.has_done("restored") {
        // An upgrade that was asked for before it may have failed.
        servers::snapshots::must_fit(&snapshot, &run.server)
            .map_err(|error| Fault::Failed(error.message().to_owned()))?;
        run.note("restore", 20, "putting the disk back").await?;
        let cloud = run.account.cloud.clone();
        run.sample(&before).await?;
        cloud
            .restore_snapshot(&at, &snapshot.cloud_name, &run.mark())
            .await?;
        let mut output = run.operation.output.clone();
        output["restored"] = snapshot.id.0.into();
        let mut session = run.step("restored", 70, "the disk is as it was").await?;
        store::operations::set_output(&mut session, &run.lease, &output).await?;
        session.commit().await?;
        run.operation.output = output;
    }
    run_again(run, "running").await
}

pub(super) async fn destroy(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let snapshot = named(run).await?;
    run.note("forget", 20, "asking the cloud to delete the snapshot")
        .await?;
    match run
        .account
        .cloud
        .destroy_snapshot(&at, &snapshot.cloud_name)
        .await
    {
        Err(error) if error.class != ErrorClass::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut session = run.step("gone", 90, "the snapshot is gone").await?;
    store::snapshots::mark_destroyed(&mut session, snapshot.id).await?;
    Ok(session)
}

/// The snapshot that the request named.
async fn named(run: &Run) -> Result<Snapshot, Fault> {
    let id: i64 = run.input("snapshot")?;
    let mut session = run.app.store.read().await?;
    let organisation = run.operation.organisation_id;
    store::snapshots::by_id(&mut session, organisation, SnapshotId(id))
        .await?
        .ok_or_else(|| Fault::Failed("the snapshot is gone; nothing was done".to_owned()))
}
