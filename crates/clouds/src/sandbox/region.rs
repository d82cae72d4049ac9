//! One region of the sandbox, and the forms that its calls have: changing one instance, looking at one.
//!
//! Used by the driver and by the waiting.

use std::sync::Arc;

use domain::Timestamp;

use super::call::{Call, Method};
use super::faults::Faults;
use super::machine::Machine;
use super::rows;
use super::truth::Truth;
use crate::Budget;
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

/// One region of the sandbox.
pub(super) struct Sandbox {
    pub(super) truth: Arc<Truth>,
    pub(super) region: String,
    budget: Budget,
}

// === impl Sandbox ===

impl Sandbox {
    pub(super) fn new(truth: Arc<Truth>, region: String, budget: Budget) -> Self {
        let region = if region.is_empty() {
            "sandbox".to_owned()
        } else {
            region
        };
        Self {
            truth,
            region,
            budget,
        }
    }

    /// Begins a call: its permit, its count, its way to the cloud.
    pub(super) async fn begin(&self, method: Method) -> CloudResult<(Call, Faults)> {
        Call::begin(&self.truth, &self.budget, method).await
    }

    /// A call that changes one instance's row.
    pub(super) async fn alter(
        &self,
        method: &'static str,
        at: &InstanceRef,
        alter: impl FnOnce(&mut Machine, Timestamp, &Faults) -> CloudResult<()> + Send,
    ) -> CloudResult<()> {
        let (call, faults) = self.begin(Method::changing(method)).await?;
        call.carry(async {
            let mut change = self.truth.change().await?;
            let mut machine = change.shown(at).await?;
            alter(&mut machine, change.now, &faults)?;
            change.save(&machine).await?;
            change.commit().await
        })
        .await
    }

    /// A call that looks at one instance, which the API may not show (yet, or any more).
    pub(super) async fn look(
        &self,
        method: &'static str,
        at: &InstanceRef,
    ) -> CloudResult<(Option<Machine>, Timestamp)> {
        let (call, _) = self.begin(Method::reading(method)).await?;
        call.carry(async {
            let mut on = self.truth.read().await?;
            Ok((rows::machine(&mut on, at).await?, self.truth.now()))
        })
        .await
    }

    /// A call that looks at one instance which the API shows.
    pub(super) async fn see(
        &self,
        method: &'static str,
        at: &InstanceRef,
    ) -> CloudResult<(Machine, Timestamp)> {
        let (machine, now) = self.look(method, at).await?;
        Ok((shown(machine, at, now)?, now))
    }

    /// Refuses what is asked of a region that is not this one: an empty list would say that nothing is there.
    pub(super) fn must_be_here(&self, region: &str) -> CloudResult<()> {
        if region == self.region {
            return Ok(());
        }
        let message = format!("the sandbox has the region {}, not {region}", self.region);
        Err(CloudError::new(ErrorClass::Rejected, message))
    }
}

/// The machine, if the API shows it.
pub(super) fn shown(
    machine: Option<Machine>,
    at: &InstanceRef,
    now: Timestamp,
) -> CloudResult<Machine> {
    let shown = machine.filter(|machine| machine.is_shown(now));
    shown.ok_or_else(|| CloudError::not_found(at))
}
