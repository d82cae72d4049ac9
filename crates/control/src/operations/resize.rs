//! Gives a server another plan, while it runs where its cloud can do that.
//!
//! What must stay true: a server that ran is not left switched off where its cloud can help it. One that its cloud does not start
//! with the new plan, which some find out only then, gets its former one again, and costs what it did.

use std::time::Duration;

use clouds::{CloudError, ErrorClass, InstanceRef, Until};
use domain::Plan;
use domain::server::Power;
use serde_json::{Value, json};

use super::run::{Fault, LastStep, Run};

/// How long a system may take to come up again.
const START: Duration = Duration::from_mins(5);

/// So often a cloud is asked to start a server with a new plan before that is taken for a refusal.
const STARTS: i64 = 3;

pub(super) async fn resize(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let plan: Plan = run.input("plan")?;
    let cloud = run.account.cloud.clone();
    let before = run.interruptible(run.get(&at)).await??;
    if !run.has_done("power") {
        let output = json!({ "power": before.power.as_str(), "former": run.server.agreed_plan() });
        remember(run, output).await?;
    }
    if let Some(why) = gone_back(run) {
        return start_as_before(run, &at, why).await;
    }
    run.note("resize", 20, "asking the cloud for the new size")
        .await?;
    run.sample(&before).await?;
    if let Err(error) = cloud.resize(&at, &plan).await {
        return Err(not_resized(run, &at, error).await);
    }
    take(run, &plan, "resized", "the server has the new size").await?;
    let now = run.interruptible(run.get(&at)).await??;
    if ran(run)
        && now.power == Power::Stopped
        && let Err(error) = cloud.start(&at).await
    {
        if !will_not_start(run, &error).await? {
            return Err(error.into());
        }
        let why = format!(
            "the cloud does not start it with the plan {}: {}",
            plan.slug, error.message
        );
        let why = go_back(run, &at, &plan, &why).await?;
        return start_as_before(run, &at, why).await;
    }
    run_again(run, "running").await
}

/// The cloud may have switched it off for what it then refused, and there may be no next try: it is started again.
async fn not_resized(run: &Run, at: &InstanceRef, error: CloudError) -> Fault {
    let now = run.get(at).await;
    if !(ran(run) && now.is_ok_and(|now| now.power == Power::Stopped)) {
        return error.into();
    }
    let Err(off) = run.account.cloud.start(at).await else {
        return error.into();
    };
    let why = format!(
        "{}; it was switched off for that, and does not start again: {}",
        error.message, off.message
    );
    match (is_refused(&error), is_refused(&off)) {
        (true, true) => left_off(run, at, why).await,
        (true, false) => CloudError::new(off.class, why).into(),
        (false, _) => CloudError::new(error.class, why).into(),
    }
}

/// Records that it has that plan now, and costs what that costs.
async fn take(run: &mut Run, plan: &Plan, step: &'static str, message: &str) -> Result<(), Fault> {
    let mut session = run.step(step, 60, message).await?;
    store::servers::set_plan(&mut session, run.server.id, plan).await?;
    store::billing::change(&mut session, run.server.id).await?;
    store::operations::set_output(&mut session, &run.lease, &run.operation.output).await?;
    session.commit().await?;
    Ok(())
}

/// Whether a start will be refused again. A cloud without room says so as one does that is away for a moment, so that it is
/// asked a few times.
async fn will_not_start(run: &Run, error: &CloudError) -> Result<bool, Fault> {
    if error.class != ErrorClass::Unavailable {
        return Ok(is_refused(error));
    }
    let mut session = run.app.store.read().await?;
    Ok(store::operations::retries_in_a_row(&mut session, run.operation.id).await? >= STARTS)
}

fn is_refused(error: &CloudError) -> bool {
    matches!(
        error.class,
        ErrorClass::Rejected | ErrorClass::Quota | ErrorClass::Unsupported
    )
}

/// What it fails with that can't be helped: it is off, and not by somebody else's hand.
async fn left_off(run: &Run, at: &InstanceRef, why: String) -> Fault {
    let seen = async {
        let now = run.interruptible(run.get(at)).await??;
        run.record("left_off", 90, "it is switched off", &now).await
    };
    match seen.await {
        // Where it could not be looked at, the reconciler finds out.
        Ok(()) | Err(Fault::Cloud(_)) => Fault::Failed(why),
        Err(fault) => fault,
    }
}

/// Gives it the plan again that it had. A disk that has grown stays as large as it is; where the cloud sells that plan with
/// a smaller one alone, there is no way back. What its owner is told.
async fn go_back(run: &mut Run, at: &InstanceRef, plan: &Plan, why: &str) -> Result<String, Fault> {
    let former = run.operation.output.get("former").cloned();
    let former: Plan = former
        .and_then(|former| serde_json::from_value(former).ok())
        .ok_or_else(|| Fault::Failed(format!("{why}; its former plan is not known")))?;
    let former = Plan {
        disk_gib: former.disk_gib.max(plan.disk_gib),
        ..former
    };
    match run.account.cloud.resize(at, &former).await {
        Err(error) if is_refused(&error) => {
            let why = format!(
                "{why}; nor does it take its former plan again, so that it has the new one, and is switched off: {}",
                error.message
            );
            return Err(left_off(run, at, why).await);
        }
        Err(mut error) => {
            error.message = format!(
                "{why}; nor has it its former plan again yet: {}",
                error.message
            );
            return Err(error.into());
        }
        Ok(()) => {}
    }
    let why = format!("{why}; it has its former plan again");
    run.operation.output["gone_back"] = why.as_str().into();
    take(run, &former, "taken_back", &why).await?;
    Ok(why)
}

/// Why it has its former plan again, where it has.
fn gone_back(run: &Run) -> Option<String> {
    let why = run.operation.output.get("gone_back")?;
    why.as_str().map(str::to_owned)
}

async fn start_as_before(run: &mut Run, at: &InstanceRef, why: String) -> LastStep {
    let cloud = run.account.cloud.clone();
    let starting = async {
        cloud.start(at).await?;
        cloud.wait(at, Until::Running, START).await
    };
    match run.interruptible(starting).await? {
        Ok(instance) => {
            run.saw("running", 90, "the instance runs", &instance)
                .await?;
            Err(Fault::Failed(why))
        }
        Err(error) if is_refused(&error) => {
            let why = format!(
                "{why}, and is switched off, since it does not start with that either: {}",
                error.message
            );
            Err(left_off(run, at, why).await)
        }
        Err(mut error) => {
            error.message = format!("{why}, and does not run yet: {}", error.message);
            Err(error.into())
        }
    }
}

/// Keeps what it was doing before the first try: a change may leave it switched off.
pub(super) async fn remember_power(run: &mut Run, power: Power) -> Result<(), Fault> {
    if run.has_done("power") {
        return Ok(());
    }
    remember(run, json!({ "power": power.as_str() })).await
}

async fn remember(run: &mut Run, output: Value) -> Result<(), Fault> {
    let mut session = run.step("begin", 5, "taking it in hand").await?;
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
