//! Sets the password of root inside a server.
//!
//! What must stay true: the password itself is nowhere but in the answer to its request; what is worked with is its hash,
//! so that a crash in between is no reason to ask for another.

use super::run::{Fault, LastStep, Run};

/// Whose password it is.
const USER: &str = "root";

pub(super) async fn change(run: &mut Run) -> LastStep {
    let at = run.existing()?;
    run.interruptible(run.get(&at)).await??;
    let mut session = run.app.store.read().await?;
    let hash = store::operations::secret(&mut session, &run.operation).await?;
    drop(session);
    let Some(hash) = hash else {
        return Err(Fault::Failed(
            "the new password is not known any more; nothing was changed: ask for another"
                .to_owned(),
        ));
    };
    run.note("password", 30, "setting the password inside the system")
        .await?;
    run.account.cloud.set_password(&at, USER, &hash).await?;
    run.step("changed", 90, "the password was changed").await
}
