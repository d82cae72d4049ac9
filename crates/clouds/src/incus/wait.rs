//! Waiting until an instance runs, is off or is gone.
//!
//! First for the operations that are under way on it, by Incus's own wait; then, where nothing is under way, for the
//! next event that names it. Only an address has no event (the guest asks for it by itself, by DHCP), and is asked for
//! in short, growing pauses. What must stay true: a restart that has only begun is not taken for its end, so operations
//! come before looking; and between opening the stream and listening to it the state is read again.

use std::time::Duration;

use domain::server::Power;
use tokio::time::Instant;

use super::events::Listener;
use super::shown::power;
use super::{Incus, names, wire};
use crate::cloud::{CloudResult, ErrorClass, Instance, InstanceRef, Until};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Even without an event the state is read again after this long: an event may be lost, a state isn't.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same where Incus gives us no events.
const DEAF_PATIENCE: Duration = Duration::from_secs(1);

// === impl Incus ===

impl Incus {
    pub(super) async fn wait_until(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        let mut seen = Power::Pending;
        match tokio::time::timeout(timeout, self.reach(at, until, &mut seen)).await {
            Ok(result) => result,
            Err(_) => Err(until.timed_out(timeout, seen)),
        }
    }

    async fn reach(
        &self,
        at: &InstanceRef,
        until: Until,
        seen: &mut Power,
    ) -> CloudResult<Instance> {
        let id = names::checked(at)?;
        let mut events: Option<Listener> = None;
        loop {
            self.settle(id).await?;
            let instance = match self.with_state(at).await {
                Err(error) if error.class == ErrorClass::NotFound => match until {
                    Until::Gone => return Ok(Instance::gone(at)),
                    // Just after a create, "not found" means "not yet".
                    Until::Running => Instance::pending(at),
                    Until::Stopped => return Err(error),
                },
                Ok(found) if until == Until::Running => {
                    *seen = found.power();
                    self.with_address(&found, at).await?
                }
                result => result?.shown(&at.region),
            };
            *seen = instance.power;
            if until.holds(&instance) {
                return Ok(instance);
            }
            match &mut events {
                // Listening comes first and looking second, so that nothing happens unseen in between.
                None => match Listener::open(&self.client).await {
                    Ok(listener) => events = Some(listener),
                    Err(_) => tokio::time::sleep(DEAF_PATIENCE).await,
                },
                Some(listener) => {
                    if !heard_of(listener, id).await {
                        events = None;
                    }
                }
            }
        }
    }

    /// The instance with its address and its way out, once it has them, or doesn't run any more.
    async fn with_address(
        &self,
        found: &wire::Instance,
        at: &InstanceRef,
    ) -> CloudResult<Instance> {
        let mut instance = found.shown(&at.region);
        if instance.power == Power::Running {
            // At once: while the guest asks for its address there is time to ask for the other.
            let (addressed, way_out) =
                tokio::join!(self.await_address(&mut instance), self.way_out(found));
            addressed?;
            // It only describes: what can't be told now is no reason to call a start a failure.
            let way_out = way_out.unwrap_or_default();
            let network = &mut instance.network;
            network.netmask = network.netmask.take().or(way_out.netmask);
            network.gateway = way_out.gateway;
        }
        Ok(instance)
    }

    /// Asks until the instance has an address, or doesn't run any more.
    async fn await_address(&self, instance: &mut Instance) -> CloudResult<()> {
        let mut pause = FIRST_PAUSE;
        while instance.address().is_none() && instance.power == Power::Running {
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            let state = match self.state(&instance.at).await {
                // Its processes ended while Incus counted them; whether it still runs is for the caller to see.
                Err(error) if error.class == ErrorClass::Rejected => return Ok(()),
                result => result?,
            };
            instance.power = power(&state.status);
            instance.public_ip = state.address();
            instance.network = state.shown_network();
            instance.private_ip.clone_from(&instance.public_ip);
        }
        Ok(())
    }
}

/// Waits for a change of that instance, or long enough; `false` when the stream has ended.
async fn heard_of(listener: &mut Listener, id: &str) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match tokio::time::timeout_at(deadline, listener.next()).await {
            Err(_) => return true,
            Ok(None) => return false,
            Ok(Some(changes)) => {
                if changes
                    .iter()
                    .any(|change| change.id.as_deref() == Some(id))
                {
                    return true;
                }
            }
        }
    }
}
