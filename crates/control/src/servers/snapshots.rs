//! Snapshots of a server's disk: taking, listing, restoring and forgetting them.

use domain::account::Actor;
use domain::operation::{Operation, OperationKind};
use domain::quota::Amounts;
use domain::server::{Desired, Server};
use domain::snapshot::{Snapshot, SnapshotState};
use domain::{Error, ErrorKind, Result, ServerId, SnapshotId, names, random};
use serde_json::{Value, json};
use store::Session;

use super::change::Held;
use crate::app::App;
use crate::billing::More;
use crate::{billing, quota};

/// The organisation's snapshots.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Snapshot>> {
    store::snapshots::list(&mut app.store.read().await?, actor.organisation.id).await
}

/// A server's snapshots. Errors: `NotFound` for the server.
pub async fn of_server(app: &App, actor: &Actor, id: ServerId) -> Result<Vec<Snapshot>> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    store::servers::living(&mut session, organisation, id)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    store::snapshots::of_server(&mut session, organisation, id).await
}

/// Takes a snapshot. Errors: `Exists` for a name that another snapshot of the server has; `Payment`, `Quota`.
pub async fn create(app: &App, actor: &Actor, id: ServerId, name: &str) -> Result<Operation> {
    names::title("a snapshot", name)?;
    let mut held = Held::lock(app, actor, id).await?.must_be_there().await?;
    if store::customers::is_of_the_house(&mut held.session, id).await? {
        let organisation = actor.organisation.id;
        quota::check(&mut held.session, app, organisation, &Amounts::snapshot()).await?;
        billing::must_cover(&mut held.session, app, organisation, &More::Nothing).await?;
    }
    // A name of our own at the cloud: what people call it may be anything.
    let cloud_name = format!("arcus-{}", random::hex::<8>());
    // It is taken when what was asked for before is done.
    let server = held.foreseen().await?;
    let snapshot = store::snapshots::create(&mut held.session, &server, name, &cloud_name).await?;
    let operation = held
        .queue(OperationKind::CreateSnapshot, &input(&snapshot), None)
        .await?;
    held.commit("snapshot.create").await?;
    Ok(operation)
}

/// Puts a server's disk back to one of its own snapshots.
///
/// Errors: `Invalid` for another server's, and for one of a larger disk than the server's plan has; `NotFound` for one that
/// the organisation has not.
pub async fn restore(
    app: &App,
    actor: &Actor,
    id: ServerId,
    snapshot: SnapshotId,
) -> Result<Operation> {
    let mut held = Held::lock(app, actor, id).await?.must_be_there().await?;
    let snapshot = found(&mut held.session, actor, snapshot).await?;
    if snapshot.server_id != id {
        return Err(Error::invalid(
            "that snapshot is of another server, and a server goes back to its own only; nothing was changed: a new server \
             can be made from it",
        )
        .field("snapshot_id"));
    }
    if snapshot.state != SnapshotState::Available {
        return Err(not_now(&snapshot));
    }
    must_fit(&snapshot, &held.foreseen().await?)?;
    let operation = held
        .queue(OperationKind::RestoreSnapshot, &input(&snapshot), None)
        .await?;
    held.commit("snapshot.restore").await?;
    Ok(operation)
}

/// Forgets a snapshot. Errors: `NotFound`; `Conflict` while a server is being made from it, and where its cloud keeps it after
/// its server.
pub async fn destroy(app: &App, actor: &Actor, id: SnapshotId) -> Result<Operation> {
    let known = found(&mut app.store.read().await?, actor, id).await?;
    let mut held = match Held::lock(app, actor, known.server_id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let why = known.error.unwrap_or_else(|| outlived("it is just going"));
            return Err(Error::conflict(format!("nothing was done: {why}")));
        }
        held => held?,
    };
    let snapshot = found(&mut held.session, actor, id).await?;
    if held.server.desired == Desired::Destroyed {
        return Err(Error::conflict(
            "its server is being destroyed, and the snapshot with it; nothing else was done",
        ));
    }
    if !matches!(
        snapshot.state,
        SnapshotState::Available | SnapshotState::Failed
    ) {
        return Err(not_now(&snapshot));
    }
    if store::snapshots::is_in_use(&mut held.session, &snapshot).await? {
        return Err(Error::conflict(
            "a server is being made from this snapshot; nothing was destroyed: try again when it is there",
        ));
    }
    let state = SnapshotState::Destroying;
    store::snapshots::set_state(&mut held.session, id, state, None).await?;
    let operation = held
        .queue(OperationKind::DestroySnapshot, &input(&snapshot), None)
        .await?;
    held.commit("snapshot.destroy").await?;
    Ok(operation)
}

/// What is told of snapshots that their server's cloud keeps.
pub(crate) fn outlived(why: &str) -> String {
    format!(
        "its server is gone, and its cloud keeps of its snapshots: {why}; that is tried again from time to time, and what is \
         deleted there by hand goes from this list"
    )
}

/// Errors: `Invalid` where the disk of the server's plan is smaller than the one that the snapshot was taken of. Where disks
/// are separate, plans say nothing of them.
pub(crate) fn must_fit(snapshot: &Snapshot, server: &Server) -> Result<()> {
    let has = server.size.disk_gib;
    if has == 0 || snapshot.disk_gib <= has {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the snapshot was taken of a disk of {} GB, and the server's package {:?} has {has} GB; nothing was changed: give \
         it a larger package first",
        snapshot.disk_gib, server.plan
    ))
    .field("snapshot_id"))
}

async fn found(session: &mut Session, actor: &Actor, id: SnapshotId) -> Result<Snapshot> {
    store::snapshots::by_id(session, actor.organisation.id, id)
        .await?
        .ok_or_else(|| Error::not_found("snapshot"))
}

fn not_now(snapshot: &Snapshot) -> Error {
    Error::conflict(format!(
        "the snapshot is {}; nothing was changed",
        snapshot.state.as_str()
    ))
}

fn input(snapshot: &Snapshot) -> Value {
    json!({ "snapshot": snapshot.id.0 })
}
