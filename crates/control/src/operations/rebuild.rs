//! Reinstalls a server from an image: its system is replaced, its id, name and address stay.
//!
//! What must stay true: once the old system is gone, a later try does not replace the new one again.

use std::time::Duration;

use clouds::Until;
use domain::Image;
use domain::server::Setup;

use super::run::{LastStep, Run};
use super::{create_server, guest};

/// How long the new system may take to run and to have its address.
const BOOT: Duration = Duration::from_mins(5);

pub(super) async fn rebuild(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let image: Image = run.input("image")?;
    let cloud = run.account.cloud.clone();
    if !run.has_done("rebuilt") {
        let before = run.interruptible(run.get(&at)).await??;
        run.note("rebuild", 10, "asking the cloud for a new system")
            .await?;
        run.server.image.clone_from(&image.slug);
        run.server.login_user.clone_from(&image.login_user);
        run.server.packages.clone_from(&image.packages);
        let first_words = create_server::first_words(run, &image).await?;
        run.sample(&before).await?;
        cloud
            .rebuild(&at, &image, &first_words.user_data, first_words.nesting)
            .await?;
        let mut session = run
            .step("rebuilt", 40, "the old system was replaced")
            .await?;
        let output = serde_json::json!({ "rebuilt": image.slug });
        store::operations::set_output(&mut session, &run.lease, &output).await?;
        store::servers::set_image(&mut session, run.server.id, &image).await?;
        store::servers::set_setup(&mut session, run.server.id, Setup::Installing, None).await?;
        session.commit().await?;
        run.server.host_key = None;
        run.server.setup = Setup::Installing;
    }
    let seen = run.interruptible(run.get(&at)).await??;
    if seen.power == domain::server::Power::Stopped {
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
