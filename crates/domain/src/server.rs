//! The states of a server: what was asked for, what the cloud shows, and how far its packages are.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::ids::{
    EnvironmentId, OrganisationId, ProviderId, PublicId, ServerId, SnapshotId, UserId,
};
use crate::offer::{Money, Plan};
use crate::time::Timestamp;

/// One virtual server: what its owner asked for beside what its cloud last showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its key.
    pub id: ServerId,
    /// The id that CloudHero's API shows.
    pub public_id: PublicId,
    /// Whose.
    pub organisation_id: OrganisationId,
    /// In which environment; `None` for a server of its own.
    pub environment_id: Option<EnvironmentId>,
    /// On which cloud account.
    pub provider_id: ProviderId,
    /// In which region.
    pub region: String,
    /// The node's name, unique within its environment.
    pub name: String,
    /// The name tag at the cloud, unique among the living.
    pub cloud_name: String,
    /// What the create is found again by.
    pub token: String,
    /// The cloud's own id, once it is known.
    pub cloud_id: Option<String>,
    /// The slug of its plan.
    pub plan: String,
    /// The slug of its image.
    pub image: String,
    /// The user whom its SSH server lets in.
    pub login_user: String,
    /// The packages that were asked for.
    pub packages: Vec<String>,
    /// Labels by which it can be found.
    pub tags: Map<String, Value>,
    /// What its owner wants.
    pub desired: Desired,
    /// What its cloud last showed.
    pub power: Power,
    /// How far its packages are.
    pub setup: Setup,
    /// Why it failed, or what differs from what was asked for.
    pub error: Option<String>,
    /// Where others reach it.
    pub public_ip: Option<String>,
    /// Where its neighbours reach it.
    pub private_ip: Option<String>,
    /// The host key that was pinned at the first contact.
    pub host_key: Option<String>,
    /// The name that it had at the cloud when it was destroyed.
    pub deleted_name: Option<String>,
    /// What its system calls itself.
    pub hostname: String,
    /// The owner's public keys that it lets in, beside the organisation's own.
    pub public_keys: Vec<String>,
    /// How large it is. Its plan may have been changed for the servers to come, or removed.
    pub size: Size,
    /// What was agreed on for an hour of it; nothing on its owner's own cloud account.
    pub hourly: Money,
    /// What was agreed on as the most that a calendar month of it costs.
    pub monthly: Money,
    /// The netmask of its IPv4 address, such as `255.255.255.0`.
    pub netmask: Option<String>,
    /// The way out of its IPv4 network.
    pub gateway: Option<String>,
    /// Where others reach it by IPv6.
    pub public_ipv6: Option<String>,
    /// The snapshot that it was made from, where it was not made from its image.
    pub snapshot_id: Option<SnapshotId>,
    /// Whether it was switched off for want of money.
    pub suspended: bool,
    /// Who asked for it.
    pub created_by: UserId,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// How large a server is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk in GiB; 0 where disks are separate.
    pub disk_gib: u64,
    /// Transfer included, in TB a month.
    pub bandwidth_tb: u32,
}

/// What the owner wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// Switched on.
    Running,
    /// Switched off, disk kept.
    Stopped,
    /// Gone.
    Destroyed,
}

/// What the cloud last showed. The words and codes are EC2's, which CloudHero's API uses for every cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// Being made or starting.
    Pending,
    /// On.
    Running,
    /// Going off.
    Stopping,
    /// Off.
    Stopped,
    /// Being destroyed.
    ShuttingDown,
    /// Gone.
    Terminated,
}

/// How far the operating system and the packages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setup {
    /// The instance is not there yet.
    Creating,
    /// It is there; its packages are being installed.
    Installing,
    /// Every package has proved that it works.
    Ready,
    /// It could not be made, or a package does not work; the server's error says which and why.
    Failed,
    /// It vanished at the cloud without our doing.
    Lost,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word for it in the database and in answers.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Error::internal(format!("no {} is called {text:?}", stringify!($type)))),
                }
            }
        }
    };
}
pub(crate) use words;

words!(Desired { Running = "running", Stopped = "stopped", Destroyed = "destroyed" });
words!(Power {
    Pending = "pending",
    Running = "running",
    Stopping = "stopping",
    Stopped = "stopped",
    ShuttingDown = "shutting-down",
    Terminated = "terminated",
});
words!(Setup {
    Creating = "creating",
    Installing = "installing",
    Ready = "ready",
    Failed = "failed",
    Lost = "lost",
});

// === impl Server ===

impl Server {
    /// One word for a user: what it is doing.
    pub fn status(&self) -> &'static str {
        status(self.desired, self.power, self.setup)
    }

    /// Whether it is what was asked for: running, its packages proved.
    pub fn is_ready(&self) -> bool {
        self.desired == Desired::Running
            && self.power == Power::Running
            && self.setup == Setup::Ready
    }
}

impl Server {
    /// Its plan as it was agreed on, whatever became of it since.
    pub fn agreed_plan(&self) -> Plan {
        Plan {
            slug: self.plan.clone(),
            family: String::new(),
            cpus: self.size.cpus,
            memory_mib: self.size.memory_mib,
            disk_gib: self.size.disk_gib,
            bandwidth_tb: self.size.bandwidth_tb,
            hourly: self.hourly,
            monthly: self.monthly,
            open: true,
        }
    }
}

// === impl Size ===

impl From<&Plan> for Size {
    fn from(plan: &Plan) -> Self {
        Self {
            cpus: plan.cpus,
            memory_mib: plan.memory_mib,
            disk_gib: plan.disk_gib,
            bandwidth_tb: plan.bandwidth_tb,
        }
    }
}

// === impl Power ===

impl Power {
    /// EC2's code, as CloudHero's API prints it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pending => "0",
            Self::Running => "16",
            Self::ShuttingDown => "32",
            Self::Terminated => "48",
            Self::Stopping => "64",
            Self::Stopped => "80",
        }
    }
}

/// One word for a user: what the server is doing, from what is wanted and what is seen.
pub fn status(desired: Desired, power: Power, setup: Setup) -> &'static str {
    match (desired, setup, power) {
        (Desired::Destroyed, _, Power::Terminated) => "terminated",
        (Desired::Destroyed, _, _) => "deleting",
        (_, Setup::Lost, _) => "lost",
        (_, Setup::Failed, _) => "failed",
        (_, Setup::Creating, _) => "creating",
        (_, _, Power::Stopped) => "stopped",
        (_, _, Power::Stopping | Power::ShuttingDown) => "stopping",
        (_, _, Power::Pending) => "starting",
        (_, Setup::Installing, _) => "installing",
        (_, Setup::Ready, Power::Terminated) => "terminated",
        (_, Setup::Ready, Power::Running) => "running",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_ec2() {
        let codes = [
            (Power::Pending, "0"),
            (Power::Running, "16"),
            (Power::ShuttingDown, "32"),
            (Power::Terminated, "48"),
            (Power::Stopping, "64"),
            (Power::Stopped, "80"),
        ];
        for (power, code) in codes {
            assert_eq!(power.code(), code);
            assert_eq!(power.as_str().parse::<Power>().expect("parses"), power);
        }
    }

    #[test]
    fn a_failed_server_never_reads_as_running() {
        assert_eq!(
            status(Desired::Running, Power::Running, Setup::Failed),
            "failed"
        );
        assert_eq!(
            status(Desired::Running, Power::Running, Setup::Installing),
            "installing"
        );
        assert_eq!(
            status(Desired::Running, Power::Running, Setup::Ready),
            "running"
        );
    }
}
