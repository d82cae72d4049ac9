//! Runs a package's proof until it passes or it is clear that it won't.
//!
//! Used by [`install`](super::install). What must stay true: a package counts as working only because its proof
//! passed just now on this server.

use std::collections::BTreeSet;
use std::time::Duration;

use ssh::quote;
use tokio::time::{Instant, sleep};

use super::connect::Guest;
use super::error::ProvisionError;
use super::progress::{KEPT_LINES, MAX_LINE};
use crate::catalog::packages::Package;

/// How long a service may take from "started" to "works".
const PATIENCE: Duration = Duration::from_secs(30);

/// One run of a proof.
const PROOF_LIMIT: Duration = Duration::from_mins(1);

/// A proof's whole environment. sshd's own lacks sbin, where several servers keep their tools, and would let bash take
/// the session for a person's and read the files meant for one.
const BASH: &str = "exec env -i HOME=/root LC_ALL=C.UTF-8 \
                    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                    bash -eu -o pipefail -c";

/// Proves that the package works.
pub(super) async fn prove(guest: &mut Guest, package: &Package) -> Result<(), ProvisionError> {
    let command = format!("{BASH} {}", quote(&package.proof));
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(100);
    loop {
        // The guest is its owner's, who may print as much as they like.
        let mut lines = Vec::new();
        let keep = |line: &str| {
            if lines.len() == KEPT_LINES {
                lines.remove(0);
            }
            lines.push(line.chars().take(MAX_LINE).collect());
        };
        let output = guest.run(&command, PROOF_LIMIT, keep).await?;
        if output.success() {
            return Ok(());
        }
        if Instant::now() + pause > deadline {
            return Err(failed(guest, package, output.status, lines).await);
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

async fn failed(
    guest: &mut Guest,
    package: &Package,
    status: u32,
    mut log: Vec<String>,
) -> ProvisionError {
    // What its services said last is often more than the proof says, which may print nothing at all.
    let services: BTreeSet<&str> = package
        .recipes
        .values()
        .flat_map(|recipe| &recipe.services)
        .map(String::as_str)
        .collect();
    if !services.is_empty() {
        let units: String = services
            .iter()
            .map(|service| format!(" -u {}", quote(service)))
            .collect();
        let journal = format!("journalctl -q -b -n 10 --no-pager -o cat{units}");
        let said = guest
            .run(&journal, PROOF_LIMIT, |line| log.push(line.to_owned()))
            .await;
        if let Err(error) = said {
            log.push(error.message);
        }
    }
    log.drain(..log.len().saturating_sub(KEPT_LINES));
    let what = format!("is installed and doesn't work: its proof ended with status {status}");
    ProvisionError::package(&package.name, &what, log)
}
