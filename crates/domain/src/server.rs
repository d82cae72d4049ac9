//! The states of a server: what was asked for, what the cloud shows, and how far its packages are.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

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
        assert_eq!(status(Desired::Running, Power::Running, Setup::Failed), "failed");
        assert_eq!(status(Desired::Running, Power::Running, Setup::Installing), "installing");
        assert_eq!(status(Desired::Running, Power::Running, Setup::Ready), "running");
    }
}
