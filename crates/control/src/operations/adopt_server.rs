//! Takes an instance under management that was there before: it gets our tag, and nothing else of it changes.
//!
//! The row names the instance before its cloud is told, so that a crash leaves no instance that bears our tag and that no
//! server accounts for. What must stay true: one that bears another's tag is left alone; and once the step `adopt` is recorded the
//! tag may be on it, so that whoever gives it back looks for that.

use domain::server::Setup;

use super::run::{Fault, LastStep, Run};

pub(super) async fn run(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    let cloud = run.account.cloud.clone();
    let seen = run.interruptible(cloud.get(&at)).await??;
    match &seen.tag {
        Some(tag) if *tag == run.tag() => {}
        Some(_) => {
            return Err(Fault::Failed(
                "it bears the tag of another Arcus, or of another of its servers: it was left as it is".to_owned(),
            ));
        }
        None => {
            run.note("adopt", 30, "putting the tag of this Arcus on it")
                .await?;
            cloud.adopt(&at, &run.tag()).await?;
        }
    }
    let seen = run.interruptible(run.get(&at)).await??;
    let mut session = run
        .seen("adopted", 95, "it bears the tag of this Arcus", &seen)
        .await?;
    store::servers::set_setup(&mut session, run.server.id, Setup::Ready, None).await?;
    Ok(session)
}
