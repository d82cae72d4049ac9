//! `arcus audit`.

use clap::Subcommand;
use domain::{Error, Result};

use crate::config::Place;
use crate::{context, table};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check that no line of the audit trail was changed, removed or put in between.
    Verify,
}

pub(crate) async fn run(place: &Place, command: Command) -> Result<()> {
    let Command::Verify = command;
    let store = context::existing(place).await?;
    let verified = store::audit::verify(&mut store.read().await?).await?;
    store.close().await;
    match verified {
        Ok(lines) => {
            table::line(&format!("the audit trail is whole: {lines} lines"));
            Ok(())
        }
        Err(line) => Err(Error::invalid(format!(
            "the audit trail is broken at line {line}: that line or the one before it was changed or removed"
        ))),
    }
}
