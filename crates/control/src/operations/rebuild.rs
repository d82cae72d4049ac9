//! Reinstalls a server from an image: its system is replaced, its id, name and address stay.
//!
//! What must stay true: once the old system is gone, a later try does not replace the new one again; and a server whose old
//! system may be gone is not ready before the new one is, whatever becomes of the operation.

use std::time::Duration;

use clouds::{ErrorClass, Instance, Until};
use domain::Image;
use domain::server::{Power, Setup};

use super::run::{Fault, LastStep, Run};
use super::{guest, request};

/// How long the new system may take to run and to have its address.
const BOOT: Duration = Duration::from_mins(5);

pub(super) async fn rebuild(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let image: Image = run.input("image")?;
    let packages: Vec<String> = run.input("packages")?;
    let cloud = run.account.cloud.clone();
    if !run.has_done("rebuilt") {
        let before = run.interruptible(run.get(&at)).await??;
        run.server.image.clone_from(&image.slug);
        run.server.login_user.clone_from(&image.login_user);
        run.server.packages.clone_from(&packages);
        let mut session = run.app.store.read().await?;
        let owners = store::servers::user_data(&mut session, &run.server).await?;
        let first_words = request::first_words(&mut session, &run.server, &image, owners).await?;
        drop(session);
        run.sample(&before).await?;
        put_at_stake(run).await?;
        let mark = run.mark();
        let rebuilt = cloud
            .rebuild(
                &at,
                &image,
                &first_words.user_data,
                first_words.nesting,
                &mark,
            )
            .await;
        if let Err(error) = rebuilt {
            if is_untouched(run, &before, error.class).await {
                take_back(run).await?;
            }
            return Err(error.into());
        }
        let mut session = run
            .step("rebuilt", 40, "the old system was replaced")
            .await?;
        let output = serde_json::json!({ "rebuilt": image.slug });
        store::operations::set_output(&mut session, &run.lease, &output).await?;
        store::servers::set_image(&mut session, run.server.id, &image, &packages).await?;
        session.commit().await?;
        run.server.host_key = None;
        run.server.setup = Setup::Installing;
    }
    let seen = run.interruptible(run.get(&at)).await??;
    if seen.power == Power::Stopped {
        cloud.start(&at).await?;
    }
    let instance = run
        .interruptible(cloud.wait(&at, Until::Running, BOOT))
        .await??;
    run.saw("running", 50, "the new system runs", &instance)
        .await?;
    guest::install(run, &instance).await?;
    let mut session = run.step("ready", 99, "every package works").await?;
    store::servers::set_setup(&mut session, run.server.id, Setup::Ready, None).await?;
    Ok(session)
}

/// Records, before the cloud is asked, that the old system may be gone from now on.
async fn put_at_stake(run: &Run) -> Result<(), Fault> {
    let mut session = run
        .step("rebuild", 10, "asking the cloud for a new system")
        .await?;
    store::servers::set_setup(&mut session, run.server.id, Setup::Installing, None).await?;
    Ok(session.commit().await?)
}

/// Whether a refusal left the old system where it was. One that came half-way, when it was off for its new disk already,
/// has not; nor can one undo what an earlier try may have done.
async fn is_untouched(run: &Run, before: &Instance, class: ErrorClass) -> bool {
    if run.server.setup == Setup::Installing || class == ErrorClass::OutcomeUnknown {
        return false;
    }
    match run.get(&before.at).await {
        Ok(now) => now.power != Power::Stopped || before.power == Power::Stopped,
        Err(_) => true,
    }
}

async fn take_back(run: &Run) -> Result<(), Fault> {
    let (setup, why) = (run.server.setup, run.server.error.as_deref());
    let mut session = run.step("kept", 10, "the old system is as it was").await?;
    store::servers::set_setup(&mut session, run.server.id, setup, why).await?;
    Ok(session.commit().await?)
}
