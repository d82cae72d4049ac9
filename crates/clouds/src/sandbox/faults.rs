//! The faults that the sandbox shows on request.
//!
//! Owns their keys, their values' forms and their help, all from one list. They are read from the file at every
//! call, so that setting one works at once, in every process.

use domain::offer::Capacity;
use serde::{Deserialize, Serialize};

/// What the simulated machines have, where no fault says otherwise: more than any test or demonstration sells.
const CAPACITY: Capacity = Capacity {
    cpus: 100_000,
    memory_mib: 400_000 << 10,
    disk_gib: 10_000_000,
};

macro_rules! faults {
    ($($name:ident: $type:ty = $parse:ident, $help:literal;)+) => {
        /// How the sandbox behaves; the default is a cloud without a fault that does everything at once.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Faults {
            $(#[doc = $help] pub $name: $type,)+
        }

        impl Faults {
            /// Sets the fault `key` from text; the error says which keys and values there are.
            pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
                match key {
                    $(stringify!($name) => self.$name = $parse(value)
                        .map_err(|wanted| format!("{key} is {wanted}, not {value:?}"))?,)+
                    _ => {
                        let keys = [$(stringify!($name)),+].join(", ");
                        return Err(format!("there is no fault {key:?}; there are {keys}"));
                    }
                }
                Ok(())
            }

            /// Every key with what it does, for help.
            pub fn describe() -> &'static [(&'static str, &'static str)] {
                &[$((stringify!($name), $help)),+]
            }
        }
    };
}

faults! {
    latency_ms: u64 = millis, "How long a call takes: half of it before its effect, half after.";
    jitter_ms: u64 = millis, "Up to this much is added to each call's latency, at random.";
    throttle: f64 = probability, "Probability that a call is refused as one too many, without effect.";
    retry_after_ms: u64 = millis, "How long a throttled caller is told to wait.";
    timeout_after_success: f64 = probability, "Probability that a call has its effect and then times out.";
    lost_reply: f64 = probability, "Probability that a call has its effect and the connection drops at once.";
    lost_request: f64 = probability, "Probability that the connection drops before a call has its effect.";
    unavailable: f64 = probability, "Probability that the cloud says that it can't answer now, without effect.";
    reject_create: f64 = probability, "Probability that a create is refused for good.";
    quota: Option<u64> = limit, "The most instances that there may be; none for as many as you like.";
    auth_revoked: bool = flag, "Whether every call is refused for its credentials.";
    refused: bool = flag, "Whether every call is refused for good.";
    visible_after_ms: u64 = millis, "How long a new instance is seen by no call (eventual consistency).";
    boot_ms: u64 = millis, "How long an instance takes to start.";
    stop_ms: u64 = millis, "How long an instance takes to stop.";
    destroy_ms: u64 = millis, "How long an instance takes to be gone.";
    ignore_tokens: bool = flag, "Whether a second create with a known token makes a second instance.";
    disk_usage_gib: Option<u64> = number, "How many GiB each disk holds; none for one to two, by what is on it.";
    capacity_cpus: Option<u64> = number, "The processors of all machines together; none for 100000.";
    capacity_memory_mib: Option<u64> = number, "The memory of all machines together in MiB; none for 409600000.";
    capacity_disk_gib: Option<u64> = number, "The disk of all machines together in GiB; none for 10000000.";
    reject_rename: bool = flag, "Whether an instance keeps its name whatever is asked for.";
    unstartable: String = text, "The plan that switches an instance off which gets it, and with which none starts; empty for none, `all` for each.";
    fail_package: String = text, "The package whose installation fails where user data names it; empty for none.";
}

// === impl Faults ===

impl Faults {
    /// What the simulated machines have.
    pub(super) fn capacity(&self) -> Capacity {
        Capacity {
            cpus: self.capacity_cpus.unwrap_or(CAPACITY.cpus),
            memory_mib: self.capacity_memory_mib.unwrap_or(CAPACITY.memory_mib),
            disk_gib: self.capacity_disk_gib.unwrap_or(CAPACITY.disk_gib),
        }
    }
}

fn millis(value: &str) -> Result<u64, &'static str> {
    value.parse().map_err(|_| "a whole number of milliseconds")
}

fn probability(value: &str) -> Result<f64, &'static str> {
    let wanted = "a probability from 0 to 1";
    let number: f64 = value.parse().map_err(|_| wanted)?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err(wanted)
    }
}

fn flag(value: &str) -> Result<bool, &'static str> {
    value.parse().map_err(|_| "true or false")
}

fn limit(value: &str) -> Result<Option<u64>, &'static str> {
    number(value).map_err(|_| "a number of instances or none")
}

fn number(value: &str) -> Result<Option<u64>, &'static str> {
    if value == "none" {
        return Ok(None);
    }
    value
        .parse()
        .map(Some)
        .map_err(|_| "a whole number or none")
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all")]
fn text(value: &str) -> Result<String, &'static str> {
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_set_from_text() {
        let mut faults = Faults::default();
        for (key, value) in [("latency_ms", "20"), ("throttle", "0.5"), ("quota", "3")] {
            faults.set(key, value).expect("is set");
        }
        faults.set("auth_revoked", "true").expect("is set");
        faults.set("fail_package", "nginx").expect("is set");
        let expected = Faults {
            latency_ms: 20,
            throttle: 0.5,
            quota: Some(3),
            auth_revoked: true,
            fail_package: "nginx".to_owned(),
            ..Faults::default()
        };
        assert_eq!(faults, expected);
        faults.set("quota", "none").expect("is set");
        assert_eq!(faults.quota, None);
    }

    #[test]
    fn what_is_wrong_with_a_fault_is_said_and_changes_nothing() {
        let mut faults = Faults::default();
        let cases = [
            (
                "throttle",
                "2",
                "throttle is a probability from 0 to 1, not \"2\"",
            ),
            (
                "throttle",
                "NaN",
                "throttle is a probability from 0 to 1, not \"NaN\"",
            ),
            (
                "boot_ms",
                "-1",
                "boot_ms is a whole number of milliseconds, not \"-1\"",
            ),
            (
                "auth_revoked",
                "yes",
                "auth_revoked is true or false, not \"yes\"",
            ),
        ];
        for (key, value, message) in cases {
            assert_eq!(faults.set(key, value), Err(message.to_owned()));
        }
        let unknown = faults.set("latency", "1").expect_err("is unknown");
        assert!(unknown.starts_with("there is no fault \"latency\"; there are latency_ms, "));
        assert_eq!(faults, Faults::default());
    }

    #[test]
    fn every_fault_has_its_help() {
        let value = serde_json::to_value(Faults::default()).expect("is JSON");
        let keys: Vec<_> = value.as_object().expect("is an object").keys().collect();
        let described: Vec<_> = Faults::describe().iter().map(|(key, _)| key).collect();
        assert_eq!(keys, described);
        assert!(
            Faults::describe()
                .iter()
                .all(|(_, help)| help.ends_with('.'))
        );
    }
}
