//! Gives a server another plan, while it runs where its cloud can do that.

use std::time::Duration;

use clouds::Until;
use domain::Plan;
use domain::server::Power;
use serde_json::json;

use super::run::{Fault, LastStep, Run};

/// How long a system may take to come up again.
const START: Duration = Duration::from_mins(5);

pub(super) async fn resize(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let plan: Plan = run.input("plan")?;
    let cloud = run.account.cloud.clone();
    let before = run.interruptible(run.get(&at)).await??;
    remember_power(run, before.power).await?;
    run.note("resize", 20, "asking the cloud for the new size")
        .await?;
    run.sample(&before).await?;
    if let Err(error) = cloud.resize(&at, &plan).await {
        // The cloud may have switched it off for this, and there may be no next try.
        if ran(run)
            && run
                .get(&at)
                .await
                .is_ok_and(|now| now.power == Power::Stopped)
        {
            cloud.start(&at).await?;
        }
        return Err(error.into());
    }
    let mut session = run
        .step("resized", 60, "the server has the new size")
        .await?;
    store::servers::set_plan(&mut session, run.server.id, &plan).await?;
    store::billing::change(&mut session, run.server.id).await?;
    session.commit().await?;
    run_again(run, "running").await
}

/// Keeps what it was doing before the first try: a change may leave it switched off.
pub(super) async fn remember_power(run: &mut Run, power: Power) -> Result<(), Fault> {
    if run.has_done("power") {
        return Ok(());
    }
    let mut session = run.step("begin", 5, "taking it in hand").await?;
    let output = json!({ "power": power.as_str() });
    store::operations::set_output(&mut session, &run.lease, &output).await?;
    session.commit().await?;
    run.operation.output = output;
    Ok(())
}

/// Whether it was on before the first try.
fn ran(run: &Run) -> bool {
    let power = run.operation.output.get("power");
    power.and_then(|power| power.as_str()) == Some(Power::Running.as_str())
}

/// Switches it on where it ran before, and records what it is doing now.
pub(super) async fn run_again(run: &mut Run, step: &str) -> LastStep {
    let at = run.existing()?;
    let cloud = run.account.cloud.clone();
    let now = run.interruptible(run.get(&at)).await??;
    let now = if ran(run) {
        if now.power == Power::Stopped {
            cloud.start(&at).await?;
        }
        run.interruptible(cloud.wait(&at, Until::Running, START))
            .await??
    } else {
        now
    };
    run.seen(step, 90, "the server is as it was", &now).await
}
