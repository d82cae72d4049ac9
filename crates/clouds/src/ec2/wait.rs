//! Waiting: many who wait in one region ask Amazon together.
//!
//! Amazon allows an account so many calls a second, and creating two hundred servers means waiting for two hundred. What
//! must stay true: whoever waits looks at once, and then less and less often; one who gives up takes nobody along.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::server::Power;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Ec2;
use crate::cloud::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Until};

/// How long others may join a look before it is sent.
const GATHER: Duration = Duration::from_millis(150);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// As many values as one filter may have.
const AT_ONCE: usize = 200;

/// The looks that are being gathered, by region.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<String, Arc<Look>>>);

/// One question to Amazon, about all that are waited for.
#[derive(Default)]
struct Look {
    ids: Mutex<BTreeSet<String>>,
    answer: OnceCell<CloudResult<HashMap<String, Instance>>>,
}

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn wait_until(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        let deadline = Instant::now() + timeout;
        let mut pause = FIRST_PAUSE;
        let mut power = Power::Pending;
        while let Ok(seen) = tokio::time::timeout_at(deadline, self.look(at)).await {
            let seen = match seen? {
                Some(instance) => instance,
                None if until == Until::Gone => return Ok(Instance::gone(at)),
                // Just after a create, "not found" means "not yet".
                None if until == Until::Running => Instance::pending(at),
                None => return Err(CloudError::not_found(at)),
            };
            if until.holds(&seen) {
                return Ok(seen);
            }
            power = seen.power;
            if until == Until::Running && power == Power::Terminated {
                return Err(CloudError::new(
                    ErrorClass::Rejected,
                    "Amazon EC2 ended the instance while it was starting",
                ));
            }
            if Instant::now() + pause > deadline {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
        Err(until.timed_out(timeout, power))
    }
}

impl Ec2 {
    /// The instance, by a look that others may share; `None` where there is none.
    async fn look(&self, at: &InstanceRef) -> CloudResult<Option<Instance>> {
        let look = self.looks.join(at);
        // Should whoever asks give up, the next of those who wait asks instead.
        let answer = look.answer.get_or_init(|| async {
            tokio::time::sleep(GATHER).await;
            self.looks.close(&at.region, &look);
            let ids: Vec<String> = look.ids().iter().cloned().collect();
            let seen = self.with_ids(&at.region, &ids).await?;
            Ok(seen
                .into_iter()
                .map(|instance| (instance.at.id.clone(), instance))
                .collect())
        });
        match answer.await {
            Ok(seen) => Ok(seen.get(&at.id).cloned()),
            Err(error) => Err(error.clone()),
        }
    }
}

// === impl Looks ===

impl Looks {
    fn join(&self, at: &InstanceRef) -> Arc<Look> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let look = looks.entry(at.region.clone()).or_default();
        if look.ids().len() >= AT_ONCE {
            *look = Arc::default();
        }
        look.ids().insert(at.id.clone());
        Arc::clone(look)
    }

    /// Lets nobody join any more.
    fn close(&self, region: &str, closed: &Arc<Look>) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks
            .get(region)
            .is_some_and(|look| Arc::ptr_eq(look, closed))
        {
            looks.remove(region);
        }
    }
}

// === impl Look ===

impl Look {
    fn ids(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
