//! Incus's instances in neutral terms: power, tag, name, address.
//!
//! Pure; used by all verbs that read. What must stay true: the address is one that others reach the instance by, never
//! one of a network inside it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use domain::server::Power;

use super::wire::{self, State, timestamp};
use crate::cloud::{Instance, InstanceRef, Network, Tag};

/// The keys of an instance's configuration that make it ours.
pub(super) const INSTALLATION: &str = "user.arcus.installation";
pub(super) const TOKEN: &str = "user.arcus.token";
pub(super) const NAME: &str = "user.arcus.name";

/// What Incus says of an instance that it knows and can't reach.
pub(super) const UNREACHABLE: &str = "Error";

// === impl wire::Instance ===

impl wire::Instance {
    /// In neutral terms.
    pub(super) fn shown(&self, region: &str) -> Instance {
        let address = self.state.as_ref().and_then(State::address);
        let status = self
            .state
            .as_ref()
            .map_or(&self.status, |state| &state.status);
        Instance {
            at: InstanceRef {
                region: region.to_owned(),
                id: self.name.clone(),
            },
            name: self.shown_name().to_owned(),
            tag: self.tag(),
            power: power(status),
            // Incus translates no addresses: others reach an instance by the one that it has.
            public_ip: address.clone(),
            private_ip: address,
            network: self
                .state
                .as_ref()
                .map(State::shown_network)
                .unwrap_or_default(),
            plan: None,
            created_at: timestamp(&self.created_at),
        }
    }

    pub(super) fn power(&self) -> Power {
        power(&self.status)
    }

    /// Whether Incus could say more than the name.
    pub(super) fn is_described(&self) -> bool {
        self.status != UNREACHABLE || !self.config.is_empty()
    }

    pub(super) fn tag(&self) -> Option<Tag> {
        let installation = self.config.get(INSTALLATION)?.clone();
        Some(Tag {
            installation,
            token: self.config.get(TOKEN)?.clone(),
        })
    }

    pub(super) fn shown_name(&self) -> &str {
        self.config.get(NAME).unwrap_or(&self.name)
    }

    /// The root disk: the device's name and settings, those of the profiles included.
    pub(super) fn root_disk(&self) -> Option<(&String, &wire::Device)> {
        root_disk(&self.expanded_devices)
    }

    /// The interface in a network that Incus manages, `eth0` before others.
    pub(super) fn managed_nic(&self) -> Option<(&String, &wire::Device)> {
        let is_nic = |device: &wire::Device| device.get("type").is_some_and(|kind| kind == "nic");
        let nics = self.expanded_devices.iter();
        nics.filter(|(_, device)| is_nic(device) && device.contains_key("network"))
            .min_by_key(|(_, device)| device.get("name").is_none_or(|name| name != "eth0"))
    }
}

/// Whether Incus says that it runs.
pub(super) fn is_running(status: &str) -> bool {
    power(status) == Power::Running
}

/// The disk that is mounted at `/`.
pub(super) fn root_disk(
    devices: &BTreeMap<String, wire::Device>,
) -> Option<(&String, &wire::Device)> {
    let is =
        |device: &wire::Device, key, value| device.get(key).is_some_and(|found| found == value);
    devices
        .iter()
        .find(|(_, device)| is(device, "type", "disk") && is(device, "path", "/"))
}

/// Incus's states. A frozen instance doesn't run, and a start brings it back; one in error may do anything, and only
/// waiting tells.
pub(super) fn power(status: &str) -> Power {
    match status {
        "Running" | "Ready" | "Thawed" => Power::Running,
        "Stopping" | "Aborting" => Power::Stopping,
        "Stopped" | "Frozen" | "Freezing" => Power::Stopped,
        _ => Power::Pending,
    }
}

/// Such as `255.255.255.0` for 24.
pub(super) fn netmask(bits: u32) -> Option<String> {
    let host_part = u32::MAX.checked_shr(bits).unwrap_or_default();
    (bits <= 32).then(|| Ipv4Addr::from(!host_part).to_string())
}

// === impl State ===

impl State {
    /// The global IPv4 address of the first interface that Incus gave the instance, `eth0` before others.
    pub(super) fn address(&self) -> Option<String> {
        self.global("inet").map(|address| address.ip.clone())
    }

    /// What the instance itself shows of its network; the way out is not among it.
    pub(super) fn shown_network(&self) -> Network {
        let bits = self.global("inet").map(|address| address.netmask.parse());
        Network {
            netmask: bits.and_then(Result::ok).and_then(netmask),
            gateway: None,
            ipv6: self.global("inet6").map(|address| address.ip.clone()),
        }
    }

    /// The first global address of that family, `inet` or `inet6`.
    pub(super) fn global(&self, family: &str) -> Option<&wire::Address> {
        let mut given: Vec<_> = self.given().collect();
        given.sort_by_key(|(name, _)| (*name != "eth0", *name));
        let mut addresses = given
            .into_iter()
            .flat_map(|(_, interface)| &interface.addresses);
        addresses.find(|address| address.family == family && address.scope == "global")
    }

    /// The interfaces that Incus gave the instance.
    pub(super) fn given(&self) -> impl Iterator<Item = (&String, &wire::Interface)> {
        self.network
            .iter()
            .filter(|(name, interface)| interface.is_given(name))
    }

    /// How many bytes the root disk holds, where its pool counts.
    pub(super) fn root_usage(&self) -> Option<u64> {
        let only = self.disk.values().next().filter(|_| self.disk.len() == 1);
        let usage = self.disk.get("root").or(only)?.usage;
        u64::try_from(usage).ok().filter(|usage| *usage > 0)
    }
}

// === impl Interface ===

impl wire::Interface {
    /// Whether Incus gave it to the instance. What the instance made by itself (`lo`, `docker0`, bridges, tunnels) has
    /// no other end on the host; neither has an `eth0` that is a part of the host's own network card.
    pub(super) fn is_given(&self, name: &str) -> bool {
        !self.host_name.is_empty() || name == "eth0"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn state(network: &Value) -> State {
        serde_json::from_value(json!({ "status": "Running", "network": network })).expect("parses")
    }

    fn interface(host_name: &str, scope: &str, address: &str) -> Value {
        json!({
            "host_name": host_name,
            "addresses": [
                { "family": "inet6", "scope": "global", "address": "fd42::1" },
                { "family": "inet", "scope": scope, "address": address },
            ],
        })
    }

    #[test]
    fn the_address_is_the_one_that_incus_gave_and_not_dockers() {
        let network = json!({
            "lo": interface("", "local", "127.0.0.1"),
            "docker0": interface("", "global", "172.17.0.1"),
            "eth0": interface("veth1", "global", "10.0.0.2"),
        });
        assert_eq!(state(&network).address().as_deref(), Some("10.0.0.2"));
        let starting = json!({ "eth0": interface("veth1", "link", "169.254.0.2") });
        assert_eq!(state(&starting).address(), None);
        assert_eq!(state(&Value::Null).address(), None);
        let machine = json!({ "enp5s0": interface("tap1", "global", "10.0.0.3") });
        assert_eq!(state(&machine).address().as_deref(), Some("10.0.0.3"));
    }

    #[test]
    fn a_netmask_has_as_many_ones_as_the_network_has_bits() {
        for (bits, mask) in [
            (0, "0.0.0.0"),
            (10, "255.192.0.0"),
            (24, "255.255.255.0"),
            (32, "255.255.255.255"),
        ] {
            assert_eq!(netmask(bits).as_deref(), Some(mask));
        }
        assert_eq!(netmask(33), None);
    }

    #[test]
    fn an_instance_that_incus_can_not_describe_is_told_from_one_in_error() {
        let described = |instance: Value| {
            serde_json::from_value::<wire::Instance>(instance)
                .expect("parses")
                .is_described()
        };
        assert!(described(
            json!({ "name": "a", "status": "Running", "config": {} })
        ));
        assert!(described(
            json!({ "name": "a", "status": "Error", "config": { "k": "v" } })
        ));
        assert!(!described(
            json!({ "name": "a", "status": "Error", "config": null })
        ));
    }
}
