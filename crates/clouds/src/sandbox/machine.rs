//! An instance's row, and the states that it goes through. Pure: the caller brings the time.
//!
//! What must stay true: a row says where it is going and when it gets there; nobody has to do anything at that moment.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use domain::server::Power;
use domain::{Image, Plan, Timestamp, random};

use super::faults::Faults;
use super::guest;
use crate::cloud::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Network, Tag};

/// The shared address space of RFC 6598, which no real network of a user has in it.
const NETWORK: u32 = u32::from_be_bytes([100, 64, 0, 0]);

/// The length of its part of an address.
const NETWORK_BITS: u32 = 10;

/// The way out of it, by its offset: the last address that a host may have.
const GATEWAY: i64 = (1 << (32 - NETWORK_BITS)) - 2;

/// How many addresses it has for instances.
pub(super) const ADDRESSES: i64 = GATEWAY - 1;

/// Where the instances' IPv6 addresses begin: in the documentation's network.
const NETWORK_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x64, 0, 0, 0, 0, 0);

/// What an instance is, or becomes when it has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    Running,
    Stopped,
    Terminated,
}

/// A row of `instances`, but for what only its guest reads.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) serial: i64,
    pub(super) id: String,
    pub(super) region: String,
    pub(super) name: String,
    pub(super) tag: Option<Tag>,
    pub(super) plan: String,
    pub(super) cpus: i64,
    pub(super) memory_mib: i64,
    pub(super) disk_gib: i64,
    pub(super) image: String,
    pub(super) address: i64,
    pub(super) disk: String,
    pub(super) goal: Goal,
    pub(super) settles_at: Timestamp,
    pub(super) visible_at: Timestamp,
    pub(super) started_at: Timestamp,
    pub(super) stopped_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
}

// === impl Goal ===

impl Goal {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Terminated => "terminated",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Stopped, Self::Terminated]
            .into_iter()
            .find(|goal| goal.as_str() == text)
    }
}

// === impl Machine: what it is ===

impl Machine {
    pub(super) fn power(&self, now: Timestamp) -> Power {
        match (self.goal, self.settles_at <= now) {
            (Goal::Running, false) => Power::Pending,
            (Goal::Running, true) => Power::Running,
            (Goal::Stopped, false) => Power::Stopping,
            (Goal::Stopped, true) => Power::Stopped,
            (Goal::Terminated, false) => Power::ShuttingDown,
            (Goal::Terminated, true) => Power::Terminated,
        }
    }

    /// Whether the cloud's API shows it.
    pub(super) fn is_shown(&self, now: Timestamp) -> bool {
        self.visible_at <= now && self.power(now) != Power::Terminated
    }

    /// When it next changes without anybody's doing.
    pub(super) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        [self.visible_at, self.settles_at]
            .into_iter()
            .filter(|at| *at > now)
            .min()
    }

    pub(super) fn address_text(&self) -> String {
        host(self.address)
    }

    /// The network that all are in.
    fn network(&self) -> Network {
        let mask = Ipv4Addr::from(!(u32::MAX >> NETWORK_BITS));
        let own = u128::from(self.address.unsigned_abs());
        Network {
            netmask: Some(mask.to_string()),
            gateway: Some(host(GATEWAY)),
            ipv6: Some(Ipv6Addr::from(u128::from(NETWORK_V6) + own).to_string()),
        }
    }

    /// As the cloud's API shows it: with an address while it runs.
    pub(super) fn instance(&self, now: Timestamp) -> Instance {
        let power = self.power(now);
        let address = (power == Power::Running).then(|| self.address_text());
        Instance {
            at: InstanceRef {
                region: self.region.clone(),
                id: self.id.clone(),
            },
            name: self.name.clone(),
            tag: self.tag.clone(),
            power,
            public_ip: address.clone(),
            private_ip: address,
            network: self.network(),
            plan: None,
            created_at: Some(self.created_at),
        }
    }

    /// How long it ran, or has been running, since its last start.
    pub(super) fn uptime(&self, now: Timestamp) -> Duration {
        self.stopped_at.unwrap_or(now).since(self.started_at)
    }
}

// === impl Machine: what is done to it ===

impl Machine {
    /// Switches on.
    pub(super) fn start(&mut self, now: Timestamp, faults: &Faults) {
        if self.goal != Goal::Running {
            self.boot(now, faults);
        }
    }

    /// Begins a start, whatever it was before.
    pub(super) fn boot(&mut self, now: Timestamp, faults: &Faults) {
        self.head_for(Goal::Running, now, faults.boot_ms);
        self.started_at = self.settles_at;
        self.stopped_at = None;
    }

    /// Switches off; by force at once.
    pub(super) fn stop(&mut self, now: Timestamp, faults: &Faults, force: bool) {
        let on_its_way = self.goal == Goal::Stopped;
        if self.power(now) == Power::Stopped || on_its_way && !force {
            return;
        }
        self.head_for(Goal::Stopped, now, if force { 0 } else { faults.stop_ms });
        self.stopped_at.get_or_insert(now);
    }

    /// Restarts.
    pub(super) fn reboot(&mut self, now: Timestamp, faults: &Faults) -> CloudResult<()> {
        if self.goal == Goal::Stopped {
            return Err(refused(
                "a server that is switched off can't be restarted; start it",
            ));
        }
        self.boot(now, faults);
        Ok(())
    }

    /// Gets another disk, and starts again from it if it was on.
    pub(super) fn exchange(&mut self, disk: String, now: Timestamp, faults: &Faults) {
        self.disk = disk;
        if self.goal == Goal::Running {
            self.boot(now, faults);
        }
    }

    /// Destroys, whatever it is doing.
    pub(super) fn destroy(&mut self, now: Timestamp, faults: &Faults) {
        if self.goal != Goal::Terminated {
            self.head_for(Goal::Terminated, now, faults.destroy_ms);
            self.stopped_at.get_or_insert(now);
        }
    }

    /// Is gone, from one moment to the next.
    pub(super) fn vanish(&mut self, now: Timestamp) {
        self.head_for(Goal::Terminated, now, 0);
        self.stopped_at.get_or_insert(now);
    }

    /// Takes another size, unless what is on its disk would not fit.
    pub(super) fn resize(
        &mut self,
        plan: &Plan,
        now: Timestamp,
        faults: &Faults,
    ) -> CloudResult<()> {
        let used_gib = guest::disk_usage(&self.disk, faults).div_ceil(1 << 30);
        if plan.disk_gib > 0 && plan.disk_gib < used_gib {
            return Err(refused(format!(
                "{used_gib} GiB are in use on the disk, and {} has a disk of {} GiB; nothing was changed: make room \
                 first",
                plan.slug, plan.disk_gib
            )));
        }
        self.size(plan);
        if self.must_be_startable(faults).is_err() {
            self.stop(now, faults, true);
        }
        Ok(())
    }

    /// Takes another name.
    pub(super) fn rename(&mut self, name: &str, faults: &Faults) -> CloudResult<()> {
        if faults.reject_rename {
            return Err(refused("names are not changed here"));
        }
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Some clouds find out only then that they have no room for a size.
    pub(super) fn must_be_startable(&self, faults: &Faults) -> CloudResult<()> {
        let is_meant = faults.unstartable == "all" || faults.unstartable == self.plan;
        if is_meant && !self.plan.is_empty() {
            return Err(refused(format!("there is no room for {} here", self.plan)));
        }
        Ok(())
    }

    /// Takes a plan's measures.
    pub(super) fn size(&mut self, plan: &Plan) {
        self.plan.clone_from(&plan.slug);
        self.cpus = i64::from(plan.cpus);
        self.memory_mib = whole(plan.memory_mib);
        self.disk_gib = whole(plan.disk_gib);
    }

    /// Puts a new system on the disk and starts it.
    pub(super) fn install(&mut self, image: &Image, now: Timestamp, faults: &Faults) {
        self.image.clone_from(&image.slug);
        self.disk = random::hex::<8>();
        self.boot(now, faults);
    }

    /// Refuses what can't be done to an instance on its way out.
    pub(super) fn must_live(&self) -> CloudResult<()> {
        if self.goal == Goal::Terminated {
            return Err(refused("the server is being destroyed"));
        }
        Ok(())
    }

    /// Refuses what only a running system can do.
    pub(super) fn must_run(&self, now: Timestamp) -> CloudResult<()> {
        match self.power(now) {
            Power::Running => Ok(()),
            power => Err(refused(format!(
                "the server is {}, not running",
                power.as_str()
            ))),
        }
    }

    fn head_for(&mut self, goal: Goal, now: Timestamp, takes_ms: u64) {
        self.goal = goal;
        self.settles_at = now.plus(Duration::from_millis(takes_ms));
    }
}

/// The address at that offset.
fn host(offset: i64) -> String {
    let offset = u32::try_from(offset).unwrap_or_default();
    Ipv4Addr::from(NETWORK.saturating_add(offset)).to_string()
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn refused(message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}
