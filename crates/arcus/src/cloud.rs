//! `arcus cloud`: what has to be known of a cloud before it is used.
//!
//! Called by `main`. What must stay true: nothing here needs a database or a running control plane.

use clap::Subcommand;
use clouds::registry;
use domain::{Error, Result};

use crate::table;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the least that the owner of an account has to allow, in the cloud's own form.
    Policy {
        /// The kind of cloud, such as ec2.
        cloud: String,
    },
}

pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Policy { cloud } => {
            let kind = registry::kind(cloud).ok_or_else(|| {
                let known: Vec<_> = registry::CLOUDS.iter().map(|kind| kind.name).collect();
                Error::invalid(format!(
                    "there is no cloud {cloud:?}; there are: {}",
                    known.join(", ")
                ))
            })?;
            let policy = kind.policy.ok_or_else(|| {
                Error::invalid(format!(
                    "{} has no policies: its credentials allow what their owner chose when they were made",
                    kind.description
                ))
            })?;
            table::json(&policy())
        }
    }
}
