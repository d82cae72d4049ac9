//! Switches a server on, off, and off and on.

use std::time::Duration;

use clouds::{ErrorClass, Until};
use domain::server::Power;
use serde_json::json;

use tokio::time::Instant;

use super::run::{Fault, LastStep, Run};

/// How long a system may take to come up.
const START: Duration = Duration::from_secs(5 * 60);

/// How long a system may take to go down before its power is cut.
const STOP: Duration = Duration::from_secs(60);

/// A system that is still on after this long is not about to shut down; clouds give up waiting for it no earlier.
const SHUTDOWN: Duration = Duration::from_secs(20);

pub(super) async fn start(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let cloud = run.account.cloud.clone();
    let before = run.interruptible(run.get(&at)).await??;
    if before.power == Power::Running && before.address().is_some() {
        accepted(run, Power::Running, Power::Running).await?;
        return run
            .seen("running", 90, "it was running already", &before)
            .await;
    }
    run.note("start", 10, "asking the cloud to start it")
        .await?;
    cloud.start(&at).await?;
    accepted(run, previous(run, before.power), Power::Pending).await?;
    let instance = run
        .interruptible(cloud.wait(&at, Until::Running, START))
        .await??;
    run.seen("running", 90, "the instance runs", &instance)
        .await
}

pub(super) async fn stop(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let cloud = run.account.cloud.clone();
    let before = run.interruptible(run.get(&at)).await??;
    if before.power == Power::Stopped {
        accepted(run, Power::Stopped, Power::Stopped).await?;
        return run
            .seen("stopped", 90, "it was stopped already", &before)
            .await;
    }
    run.note("stop", 10, "asking the system to shut down")
        .await?;
    run.sample(&before).await?;
    cloud.stop(&at, false).await?;
    accepted(run, previous(run, before.power), Power::Stopping).await?;
    let since = Instant::now();
    let instance = match run
        .interruptible(cloud.wait(&at, Until::Stopped, STOP))
        .await?
    {
        // A cloud that does not answer for a moment says nothing about the system that is shutting down.
        Err(error) if error.class == ErrorClass::Unavailable && since.elapsed() >= SHUTDOWN => {
            run.note(
                "force",
                60,
                "the system did not shut down in time; cutting its power",
            )
            .await?;
            cloud.stop(&at, true).await?;
            run.interruptible(cloud.wait(&at, Until::Stopped, STOP))
                .await??
        }
        stopped => stopped?,
    };
    run.seen("stopped", 90, "the instance is off", &instance)
        .await
}

pub(super) async fn reboot(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let cloud = run.account.cloud.clone();
    // Once the cloud has accepted it, a later try only waits: a second reboot would be one too many.
    if !run.operation.is_accepted() {
        let before = run.interruptible(run.get(&at)).await??;
        run.note("reboot", 10, "asking the cloud to reboot it")
            .await?;
        run.sample(&before).await?;
        if before.power == Power::Stopped {
            cloud.start(&at).await?;
        } else {
            cloud.reboot(&at).await?;
        }
        accepted(run, before.power, Power::Pending).await?;
    }
    let since = Instant::now();
    let waited = run
        .interruptible(cloud.wait(&at, Until::Running, START))
        .await?;
    let instance = match waited {
        // The cloud forgets why soon, and shows the old system as running: asked again, it would look like a success.
        Err(error) if error.class == ErrorClass::Unavailable && since.elapsed() >= SHUTDOWN => {
            return Err(Fault::Failed(format!(
                "the system did not reboot: {}; a stop cuts its power after a while, a start brings it back",
                error.message
            )));
        }
        running => running?,
    };
    run.seen("running", 90, "the instance runs again", &instance)
        .await
}

/// After a crash or a lost reply the instance may show what this very operation has begun; what was recorded before
/// that is the truth.
fn previous(run: &Run, seen: Power) -> Power {
    let recorded = run
        .operation
        .output
        .get("previous")
        .and_then(|previous| previous.as_str()?.parse().ok());
    recorded.unwrap_or(seen)
}

async fn accepted(run: &mut Run, previous: Power, current: Power) -> Result<(), Fault> {
    let output = json!({"previous": previous.as_str(), "current": current.as_str()});
    let step = ("accepted", 40, "the cloud has accepted it");
    run.accepted(step, current, &output).await
}
