//! How full an instance's disk is, and whether a smaller one would hold it.
//!
//! Called by `change` before anything is changed. What must stay true: what is counted too low is not taken for free
//! room: a pool may count only what an instance shares with no snapshot and no image (btrfs), or nothing at all (`dir`),
//! so that before a disk shrinks the running system is asked as well; where that can't be, no disk shrinks.

use std::time::Duration;

use domain::Plan;
use secrecy::SecretString;

use super::Incus;
use super::shown::is_running;
use super::wire::{self, Pool};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

/// Adds up what the root file system holds, and stays on it.
const COUNT: &[&str] = &["du", "-skx", "/"];

/// How long the counting may take.
const LIMIT: Duration = Duration::from_mins(5);

const GIB: u64 = 1 << 30;

// === impl Incus ===

impl Incus {
    pub(super) async fn read_disk_usage(&self, at: &InstanceRef) -> CloudResult<Option<u64>> {
        match self.state(at).await {
            Ok(state) => Ok(state.root_usage()),
            // Its processes ended while Incus counted them.
            Err(error) if error.class == ErrorClass::Rejected => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Refuses a plan whose disk is smaller than what is on it, or where nobody can tell.
    pub(super) async fn check_it_fits(
        &self,
        at: &InstanceRef,
        instance: &wire::Instance,
        plan: &Plan,
    ) -> CloudResult<()> {
        let root = instance.root_disk().map(|(_, root)| root);
        let now = root.and_then(|root| root.get("size"));
        let grows = now.and_then(|size| gib(size)) <= Some(plan.disk_gib);
        if plan.disk_gib == 0 || now.is_some() && grows {
            return Ok(());
        }
        let used = self.in_use(at, instance).await?;
        if used <= plan.disk_gib.saturating_mul(GIB) {
            return Ok(());
        }
        Err(rejected(format!(
            "{} are in use on the disk, and {} has a disk of {} GiB; nothing was changed: make room first",
            shown(used),
            plan.slug,
            plan.disk_gib
        )))
    }

    /// How many bytes a smaller disk has to hold.
    async fn in_use(&self, at: &InstanceRef, instance: &wire::Instance) -> CloudResult<u64> {
        let told = self.read_disk_usage(at).await?;
        if self.options.vm {
            // Incus itself lets no disk of a virtual machine become smaller.
            return Ok(told.unwrap_or_default());
        }
        let runs = is_running(&instance.status);
        let inside = if runs {
            self.count_inside(at).await?
        } else {
            None
        };
        match (inside, told) {
            (Some(inside), told) => Ok(inside.max(told.unwrap_or_default())),
            (None, Some(told)) if self.counts_all(instance).await? => Ok(told),
            _ if runs => Err(rejected(
                "its system can't tell how much is on the disk, so it can't be made smaller; nothing was changed",
            )),
            _ => Err(rejected(
                "how much is on the disk can't be told while the server is off, so it can't be made smaller; nothing was \
                 changed: switch it on first",
            )),
        }
    }

    /// Whether the pool counts all that its quota counts. On btrfs it does not: what a snapshot or the image has as well is
    /// in the quota and not in the number. Who may not know the pool can't tell.
    async fn counts_all(&self, instance: &wire::Instance) -> CloudResult<bool> {
        let root = instance.root_disk().map(|(_, root)| root);
        let Some(pool) = root.and_then(|root| root.get("pool")) else {
            return Ok(false);
        };
        match self.client.get::<Pool>(&["storage-pools", pool]).await {
            Err(error) if matches!(error.class, ErrorClass::NotFound | ErrorClass::Auth) => {
                Ok(false)
            }
            pool => Ok(pool?.driver != "btrfs"),
        }
    }

    /// `None` where the system can't count.
    async fn count_inside(&self, at: &InstanceRef) -> CloudResult<Option<u64>> {
        let nothing = SecretString::default();
        let counting = self.exec(at, COUNT, &nothing, LIMIT * 2);
        let Ok(ended) = tokio::time::timeout(LIMIT, counting).await else {
            return Err(rejected(format!(
                "what is on the disk is too much to be counted in {} s; nothing was changed",
                LIMIT.as_secs()
            )));
        };
        match ended {
            // Its code doesn't matter: files come and go while it looks.
            Ok(ended) => {
                let kib = ended.output.split_whitespace().next();
                let kib: Option<u64> = kib.and_then(|number| number.parse().ok());
                Ok(kib.map(|kib| kib.saturating_mul(1024)))
            }
            Err(error) => match error.class {
                // It has no such command.
                ErrorClass::Rejected => Ok(None),
                // Looking changes nothing, so nothing is unknown.
                ErrorClass::OutcomeUnknown => {
                    Err(CloudError::new(ErrorClass::Unavailable, error.message))
                }
                _ => Err(error),
            },
        }
    }
}

fn rejected(message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

/// A size as we write it; `None` for those that others wrote.
fn gib(size: &str) -> Option<u64> {
    size.strip_suffix("GiB")?.parse().ok()
}

/// In GiB with one digit, rounded up.
fn shown(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(GIB));
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_never_shown_as_less() {
        assert_eq!(shown(GIB), "1.0 GiB");
        assert_eq!(shown(GIB + 1), "1.1 GiB");
        assert_eq!(shown(0), "0.0 GiB");
    }

    #[test]
    fn only_a_size_that_we_wrote_is_compared() {
        assert_eq!(gib("20GiB"), Some(20));
        assert_eq!(gib("20GB"), None);
        assert_eq!(gib("1073741824"), None);
    }
}
