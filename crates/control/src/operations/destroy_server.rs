//! Destroys a server: renames it, terminates it, and watches until the cloud says that it is gone.
//!
//! "Gone" is believed only when neither its id nor its token leads to anything; an error never means gone. Its snapshots go
//! with it, so it waits for the servers that are being made from one.

use std::time::Duration;

use clouds::{CloudError, ErrorClass, InstanceRef, Until};
use domain::names;
use domain::server::Power;
use serde_json::json;
use store::operations::Step;

use super::run::{Fault, LastStep, Run};
use crate::servers::snapshots;

/// How long a termination may take before the cloud is asked again.
const GOING: Duration = Duration::from_secs(120);

/// How long a create may be under way unseen after the process that sent it died, at the least.
const IN_FLIGHT: Duration = Duration::from_secs(2);

/// So often it is tried to take away what the cloud keeps of a server or its group: for about ten minutes.
const CLEARING: i64 = 16;

/// What is told of a server that is gone.
const GONE: &str = "the cloud says that it is gone";

/// How long until the next look whether something has come to be: a tag, or the servers that are being made from its
/// snapshots.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn run(run: &mut Run) -> LastStep {
    if is_being_copied(run).await? {
        return Err(Fault::Later(
            "a server is being made from a snapshot of this one, which goes when that one is there"
                .to_owned(),
            AGAIN,
        ));
    }
    if is_given_back(run).await? {
        return give_back(run).await;
    }
    let name = retired_name(run).await?;
    let cloud = run.account.cloud.clone();
    let Some(at) = find(run).await? else {
        // Some clouds keep things of their own for each instance, and clear up when it is seen to be gone.
        if let Some(at) = run.at().filter(|_| run.operation.is_accepted()) {
            let _ = cloud.wait(&at, Until::Gone, Duration::ZERO).await;
        }
        return gone(run).await;
    };
    // That of a double does not take the place of its own, by which what was taken of it is found.
    let is_own = run.at().is_none_or(|own| own.id == at.id);
    let (at, name, named) = match cloud.retire(&at, &name).await {
        Ok(renamed) => (renamed, name, "it bears its last name".to_owned()),
        // What is ending already takes no name; an earlier try has given it one, or has said that it could not.
        Err(error) if run.operation.is_accepted() && is_refused(run, &error).await => {
            (at, last_name(run), error.message)
        }
        Err(error) if error.class == ErrorClass::NotFound => return vanished(run).await,
        // It costs money, and a name is but a name.
        Err(error) if is_refused(run, &error).await => {
            let why = format!("it keeps its name: {}", error.message);
            (at, run.server.cloud_name.clone(), why)
        }
        Err(error) => return Err(error.into()),
    };
    let mut session = run.step("renamed", 30, &named).await?;
    let sight = store::servers::Sight {
        cloud_id: is_own.then(|| at.id.clone()),
        ..store::servers::Sight::of(run.server.power)
    };
    store::servers::observe(&mut session, run.server.id, &sight).await?;
    session.commit().await?;
    if is_own {
        run.server.cloud_id = Some(at.id.clone());
    }

    match cloud.destroy(&at).await {
        Ok(()) => {}
        Err(error) if error.class == ErrorClass::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    accepted(run, &name, Power::ShuttingDown).await?;
    match cloud.wait(&at, Until::Gone, GOING).await {
        Ok(_) => {}
        Err(error) if error.class == ErrorClass::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    // A fault may have made a second one, which the first hid for as long as it was there.
    for double in run.look(Duration::ZERO).await? {
        if !matches!(double.power, Power::ShuttingDown | Power::Terminated) {
            return Err(Fault::Later(
                "another instance bears its token; it is destroyed as well".to_owned(),
                Duration::from_secs(1),
            ));
        }
    }
    match run.at().filter(|_| is_own) {
        Some(at) => clear(run, &at).await,
        None => gone(run).await,
    }
}

/// Whether a cloud that can be reached, and accepts the credentials, does not do this one thing.
async fn is_refused(run: &Run, error: &CloudError) -> bool {
    match error.class {
        ErrorClass::Rejected | ErrorClass::Quota | ErrorClass::Unsupported => true,
        ErrorClass::Auth => !run.is_shut_out().await,
        _ => false,
    }
}

/// What it was said to be called at last.
fn last_name(run: &Run) -> String {
    let said = run.operation.output.get("newname");
    let said = said.and_then(|name| name.as_str());
    said.unwrap_or(&run.server.cloud_name).to_owned()
}

/// It is not found any more, by our hand or another's.
async fn gone(run: &mut Run) -> LastStep {
    let Some(at) = run.at() else {
        return finish(run, GONE, None).await;
    };
    match run.account.cloud.get(&at).await {
        Ok(seen) if seen.power == Power::Terminated => {}
        Ok(seen) if seen.tag.as_ref() == Some(&run.tag()) => {
            let why = "it is there after all";
            return Err(Fault::Later(why.to_owned(), AGAIN));
        }
        // Whose it is now, those are as well.
        Ok(_) => {
            let why = format!(
                "{} does not bear the tag of this Arcus any more: it stays at its cloud, and what was taken of it",
                at.id
            );
            return finish(run, &why, None).await;
        }
        Err(error) if error.class == ErrorClass::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    clear(run, &at).await
}

/// Its snapshots outlive it at some clouds, whether anybody here knows of them or not, and are deleted now: not before, since a
/// cloud may refuse to end a server whose owner protects it there.
async fn clear(run: &mut Run, at: &InstanceRef) -> LastStep {
    match run.account.cloud.clear_gone(at).await {
        Ok(()) => finish(run, GONE, None).await,
        Err(error) if is_refused(run, &error).await || is_kept(run, &error).await? => {
            let stays = snapshots::outlived(&error.message);
            finish(run, GONE, Some(&stays)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a cloud was asked often enough to take something away: the reconciler goes on with it.
async fn is_kept(run: &Run, error: &CloudError) -> Result<bool, Fault> {
    if !is_for_now(error) {
        return Ok(false);
    }
    let mut session = run.app.store.read().await?;
    let tries = store::operations::retries_in_a_row(&mut session, run.operation.id).await?;
    Ok(tries >= CLEARING)
}

fn is_for_now(error: &CloudError) -> bool {
    matches!(
        error.class,
        ErrorClass::Throttled(_) | ErrorClass::Unavailable | ErrorClass::OutcomeUnknown
    )
}

/// Whether it was not taken under management yet when its end was asked for. What its import came to since makes no
/// difference to that.
async fn is_given_back(run: &Run) -> Result<bool, Fault> {
    let mut session = run.app.store.read().await?;
    Ok(store::operations::is_given_back(&mut session, run.server.id).await?)
}

/// One that was to be imported is not ours to destroy: our tag is taken off, where it is on it or comes on it yet, and it stays
/// as it is.
async fn give_back(run: &mut Run) -> LastStep {
    // With a last name the row accounts for it no more: should our tag come on it later still, it is seen, and taken off.
    retired_name(run).await?;
    run.note("release", 30, "taking the tag of this Arcus off it")
        .await?;
    let Some(at) = run.at() else {
        return finish(run, GONE, None).await;
    };
    // An earlier try has done it, and could not do what comes after.
    if run.operation.is_accepted() {
        return finish(run, &stays(&at), None).await;
    }
    let mut session = run.app.store.read().await?;
    let was_sent = store::operations::adoption_was_sent(&mut session, run.server.id).await?;
    drop(session);
    let cloud = run.account.cloud.clone();
    let patience = if was_sent {
        cloud.settling().await.max(IN_FLIGHT)
    } else {
        Duration::ZERO
    };
    let deadline = tokio::time::Instant::now() + patience;
    let power = loop {
        let seen = match cloud.get(&at).await {
            Ok(seen) => seen,
            Err(error) if error.class == ErrorClass::NotFound => return elsewhere(run).await,
            Err(error) => return Err(error.into()),
        };
        let is_over = tokio::time::Instant::now() >= deadline;
        let is_ours = seen.tag.as_ref() == Some(&run.tag());
        // A tag of several parts may be on it in part.
        if is_ours || (is_over && was_sent && seen.tag.is_none()) {
            cloud.release(&at).await?;
            break seen.power;
        }
        if is_over {
            break seen.power;
        }
        run.interruptible(tokio::time::sleep(AGAIN)).await?;
    };
    released(run, power).await?;
    let why = stays(&at);
    finish(run, &why, None).await
}

/// It is its owner's alone again.
async fn released(run: &mut Run, power: Power) -> Result<(), Fault> {
    let output = json!({"previous": power.as_str(), "current": power.as_str()});
    let step = ("released", 50, "it bears no tag of this Arcus");
    run.accepted(step, power, &output).await
}

/// Where it was it is not any more. Where an id is a name, it may bear another by now, and our tag.
async fn elsewhere(run: &mut Run) -> LastStep {
    let mut why = GONE.to_owned();
    for found in run.look(Duration::ZERO).await? {
        run.account.cloud.release(&found.at).await?;
        released(run, found.power).await?;
        why = stays(&found.at);
    }
    finish(run, &why, None).await
}

fn stays(at: &InstanceRef) -> String {
    format!(
        "{} was not taken under management, and stays at its cloud as it is",
        at.id
    )
}

/// What the cloud keeps for the environment goes with it. Where the cloud still has it in use or can't answer, that is tried
/// again, and not for ever: a server that is gone is to be gone. False where the environment is to be kept for the reconciler,
/// which goes on with it.
async fn clear_group(run: &Run) -> Result<bool, Fault> {
    let mut session = run.app.store.read().await?;
    let group = run.group(&mut session).await?;
    drop(session);
    let cloud = &run.account.cloud;
    let Err(error) = cloud.clear_group(&run.account.region, &group).await else {
        return Ok(true);
    };
    if is_for_now(&error) {
        return if is_kept(run, &error).await? {
            Ok(false)
        } else {
            Err(error.into())
        };
    }
    // Credentials that are good for the servers alone leave it there.
    if error.class == ErrorClass::Auth && run.is_shut_out().await {
        return Err(error.into());
    }
    tracing::warn!(
        group,
        error = error.message,
        "the cloud keeps what it had for a group of servers"
    );
    Ok(true)
}

/// Whether its end would take away what another server begins as. None begins once its end was asked for.
async fn is_being_copied(run: &Run) -> Result<bool, Fault> {
    let mut session = run.app.store.read().await?;
    Ok(store::snapshots::any_of_server_is_in_use(&mut session, &run.server).await?)
}

/// Chooses the last name once; every later try uses the same.
async fn retired_name(run: &Run) -> Result<String, Fault> {
    let mut session = run.step("destroy", 10, "taking it out of service").await?;
    let name = names::deleted(&run.server.cloud_name);
    let name = store::servers::set_deleted_name(&mut session, run.server.id, &name).await?;
    session.commit().await?;
    Ok(name)
}

/// Where the instance is: by its id, else by its token.
async fn find(run: &Run) -> Result<Option<InstanceRef>, Fault> {
    if let Some(at) = run.at() {
        match run.get(&at).await {
            // It has ended, and all that is left to do is what comes after: no call for it is made.
            Ok(seen) if seen.power == Power::Terminated => {
                let mut doubles = run.look(Duration::ZERO).await?.into_iter();
                let double = doubles.find(|double| double.power != Power::Terminated);
                return Ok(double.map(|double| double.at));
            }
            Ok(_) => return Ok(Some(at)),
            Err(error) if error.class == ErrorClass::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let patience = run.account.cloud.settling().await.max(
        if run.server.cloud_id.is_none() && created(run).await? {
            IN_FLIGHT
        } else {
            Duration::ZERO
        },
    );
    let found = run.look(patience).await?;
    for double in found.iter().skip(1) {
        run.account.cloud.destroy(&double.at).await?;
    }
    Ok(found.into_iter().next().map(|instance| instance.at))
}

/// Whether a create may ever have been sent.
async fn created(run: &Run) -> Result<bool, Fault> {
    let mut session = run.app.store.read().await?;
    Ok(store::operations::create_was_sent(&mut session, run.server.id).await?)
}

/// It was there a moment ago: somebody else destroys it, or renamed it. Looked at again soon.
async fn vanished(run: &mut Run) -> LastStep {
    match find(run).await? {
        Some(_) => Err(Fault::Later(
            "it changed under our hands".to_owned(),
            Duration::from_secs(1),
        )),
        None => gone(run).await,
    }
}

/// `stays` says what its cloud keeps of its snapshots, which stay on the list then.
async fn finish(run: &mut Run, why: &str, stays: Option<&str>) -> LastStep {
    let mut ends = leave(run).await?;
    let mut is_cleared = true;
    let mut session = loop {
        if ends {
            is_cleared = clear_group(run).await?;
        }
        let mut session = run.app.store.write().await?;
        // The environment before the operation, as those lock them who delete it.
        if let Some(environment) = run.server.environment_id {
            store::environments::hold(&mut session, environment).await?;
            // The others have gone meanwhile: its environment goes with this one after all.
            if !ends
                && store::environments::ends_with(&mut session, environment, run.server.id).await?
            {
                // Nothing new comes into it from now on, so that nothing is taken away from under a new one.
                session.commit().await?;
                ends = true;
                continue;
            }
        }
        break session;
    };
    let gone = Step {
        name: "gone",
        percent: 95,
        message: why,
    };
    store::operations::step(&mut session, &run.lease, gone).await?;
    store::servers::mark_destroyed(&mut session, run.server.id).await?;
    match stays {
        None => store::snapshots::mark_destroyed_with(&mut session, run.server.id).await?,
        Some(why) => {
            if !store::snapshots::outlive(&mut session, run.server.id, why).await? {
                tracing::warn!(server = %run.server.id, why, "a cloud may keep snapshots of a server that never had any here");
            }
        }
    }
    store::billing::end(&mut session, run.server.id).await?;
    store::traffic::end(&mut session, run.server.id).await?;
    if let Some(environment) = run.server.environment_id.filter(|_| is_cleared) {
        store::environments::finish_deleting(&mut session, environment).await?;
    }
    Ok(session)
}

/// Says that it is not at its cloud any more, so that its neighbours see it: of two that end at once, one at least sees that
/// both are gone. Whether its environment ends with it, into which nothing new comes then.
async fn leave(run: &mut Run) -> Result<bool, Fault> {
    let mut session = run.app.store.write().await?;
    let environment = run.server.environment_id;
    if let Some(environment) = environment {
        store::environments::hold(&mut session, environment).await?;
    }
    let leaving = Step {
        name: "leaving",
        percent: 90,
        message: "nothing of it is left to do at its cloud",
    };
    store::operations::step(&mut session, &run.lease, leaving).await?;
    let sight = store::servers::Sight::of(Power::Terminated);
    store::servers::observe(&mut session, run.server.id, &sight).await?;
    let ends = match environment {
        Some(environment) => {
            store::environments::ends_with(&mut session, environment, run.server.id).await?
        }
        None => true,
    };
    session.commit().await?;
    Ok(ends)
}

/// Records what the cloud has accepted: requests that asked for it are answered now.
async fn accepted(run: &mut Run, name: &str, current: Power) -> Result<(), Fault> {
    let output = json!({
        "previous": run.server.power.as_str(),
        "current": current.as_str(),
        "newname": name,
    });
    let step = ("terminating", 50, "the cloud terminates it");
    run.accepted(step, current, &output).await
}
