//! Instances as Incus shows them: one, those with a tag, those of an installation; and putting one under our tag.
//!
//! What must stay true: an instance that Incus can't describe just now (a member of its cluster is away) is an error
//! and never a gap in a list, since a server that is missing from a list counts as gone.

use std::collections::BTreeMap;

use domain::server::Power;
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::wire::{self, State, timestamp};
use super::{Incus, names};
use crate::cloud::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Tag};

/// The keys of an instance's configuration that make it ours.
pub(super) const INSTALLATION: &str = "user.arcus.installation";
pub(super) const TOKEN: &str = "user.arcus.token";
pub(super) const NAME: &str = "user.arcus.name";

/// What Incus says of an instance that it knows and can't reach.
const UNREACHABLE: &str = "Error";

// === impl Incus ===

impl Incus {
    pub(super) async fn get_instance(&self, at: &InstanceRef) -> CloudResult<Instance> {
        let path = ["instances", names::checked(at)?];
        let seen = self
            .client
            .query::<wire::Instance>(&path, &[("recursion", "1")])
            .await;
        match seen {
            Ok(seen) => Ok(seen.shown(&at.region)),
            // Its processes ended while Incus counted them. Without them there is no address to show either.
            Err(error) if error.class == ErrorClass::Rejected => {
                Ok(self.describe(at).await?.shown(&at.region))
            }
            Err(error) => Err(error),
        }
    }

    /// An instance without its state and snapshots, which costs Incus less.
    pub(super) async fn describe(&self, at: &InstanceRef) -> CloudResult<wire::Instance> {
        self.client.get(&["instances", names::checked(at)?]).await
    }

    pub(super) async fn state(&self, at: &InstanceRef) -> CloudResult<State> {
        self.client
            .get(&["instances", names::checked(at)?, "state"])
            .await
    }

    pub(super) async fn find_instances(
        &self,
        region: &str,
        tag: &Tag,
    ) -> CloudResult<Vec<Instance>> {
        check(tag)?;
        // Incus gathers the state of every instance before it filters, so only the few that are found are asked.
        let seen = self.filtered(TOKEN, &tag.token, "1").await?;
        let ours = seen
            .iter()
            .filter(|instance| instance.tag().as_ref() == Some(tag));
        let with_state = ours.map(|instance| async {
            let at = InstanceRef {
                region: region.to_owned(),
                id: instance.name.clone(),
            };
            present(self.get_instance(&at).await)
        });
        Ok(try_join_all(with_state)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    pub(super) async fn list_instances(
        &self,
        region: &str,
        installation: &str,
    ) -> CloudResult<Vec<Instance>> {
        check_value(installation)?;
        let seen = self.filtered(INSTALLATION, installation, "2").await?;
        let ours = seen.iter().filter(|instance| {
            instance
                .config
                .get(INSTALLATION)
                .is_some_and(|value| value == installation)
        });
        Ok(ours.map(|instance| instance.shown(region)).collect())
    }

    pub(super) async fn adopt_instance(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        check(tag)?;
        let instance = self.describe(at).await?;
        let name = instance.shown_name().to_owned();
        let config = json!({ INSTALLATION: tag.installation, TOKEN: tag.token, NAME: name });
        self.patch(&instance, json!({ "config": config })).await
    }

    /// Changes some of an instance's settings and leaves the others.
    pub(super) async fn patch(
        &self,
        instance: &wire::Instance,
        mut body: Value,
    ) -> CloudResult<()> {
        // Incus empties a description that isn't sent along.
        body["description"] = Value::from(instance.description.as_str());
        self.client
            .change(
                Method::PATCH,
                &["instances", &instance.name],
                &[],
                Some(&body),
            )
            .await
            .map(drop)
    }

    /// The instances with that value. Incus matches without regard to case, so callers look again.
    async fn filtered(
        &self,
        key: &str,
        value: &str,
        recursion: &str,
    ) -> CloudResult<Vec<wire::Instance>> {
        let filter = format!("config.{key} eq {value} or status eq {UNREACHABLE}");
        let parameters = [("recursion", recursion), ("filter", &filter)];
        let seen: Vec<wire::Instance> = self.client.query(&["instances"], &parameters).await?;
        let described = seen.into_iter().map(|instance| async {
            if instance.is_described() {
                Ok(Some(instance))
            } else {
                self.look_closer(&instance.name).await
            }
        });
        Ok(try_join_all(described)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Looks at an instance that a list couldn't describe: one that is just being destroyed is shown so too, and is
    /// gone in a moment.
    async fn look_closer(&self, id: &str) -> CloudResult<Option<wire::Instance>> {
        let path = ["instances", id];
        let look = || self.client.get::<wire::Instance>(&path);
        match present(look().await) {
            Ok(None) => return Ok(None),
            Ok(Some(instance)) if instance.is_described() => return Ok(Some(instance)),
            // How its operation ends is seen by looking again.
            _ => drop(self.settle(id).await),
        }
        match present(look().await)? {
            Some(instance) if !instance.is_described() => Err(CloudError::new(
                ErrorClass::Unavailable,
                format!("Incus can't say what {id} is doing; its machine may be away"),
            )),
            instance => Ok(instance),
        }
    }
}

/// What is gone is no failure of a list.
fn present<T>(result: CloudResult<T>) -> CloudResult<Option<T>> {
    match result {
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// A tag becomes a part of a filter, where spaces and patterns would mean something.
pub(super) fn check(tag: &Tag) -> CloudResult<()> {
    check_value(&tag.installation)?;
    check_value(&tag.token)
}

fn check_value(value: &str) -> CloudResult<()> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if !value.is_empty() && value.bytes().all(harmless) {
        Ok(())
    } else {
        Err(CloudError::new(
            ErrorClass::Rejected,
            "a tag holds letters, digits and - _ . :",
        ))
    }
}

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
            created_at: timestamp(&self.created_at),
        }
    }

    pub(super) fn power(&self) -> Power {
        power(&self.status)
    }

    /// Whether Incus could say more than the name.
    fn is_described(&self) -> bool {
        self.status != UNREACHABLE || !self.config.is_empty()
    }

    pub(super) fn tag(&self) -> Option<Tag> {
        let installation = self.config.get(INSTALLATION)?.clone();
        Some(Tag {
            installation,
            token: self.config.get(TOKEN)?.clone(),
        })
    }

    fn shown_name(&self) -> &str {
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

// === impl State ===

impl State {
    /// The global IPv4 address of the first interface that Incus gave the instance, `eth0` before others. What the
    /// instance made by itself (`lo`, `docker0`, bridges, tunnels) has no other end on the host.
    pub(super) fn address(&self) -> Option<String> {
        let mut given: Vec<_> = self
            .network
            .iter()
            .filter(|(_, interface)| interface.is_given())
            .collect();
        given.sort_by_key(|(name, _)| (*name != "eth0", *name));
        let mut addresses = given
            .into_iter()
            .flat_map(|(_, interface)| &interface.addresses);
        let usable =
            |address: &&wire::Address| address.family == "inet" && address.scope == "global";
        addresses
            .find(usable)
            .map(|address| address.address.clone())
    }
}

// === impl Interface ===

impl wire::Interface {
    pub(super) fn is_given(&self) -> bool {
        !self.host_name.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(network: Value) -> State {
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
        assert_eq!(state(network).address().as_deref(), Some("10.0.0.2"));
        let starting = json!({ "eth0": interface("veth1", "link", "169.254.0.2") });
        assert_eq!(state(starting).address(), None);
        assert_eq!(state(Value::Null).address(), None);
        let machine = json!({ "enp5s0": interface("tap1", "global", "10.0.0.3") });
        assert_eq!(state(machine).address().as_deref(), Some("10.0.0.3"));
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

    #[test]
    fn a_tag_that_would_change_the_filter_is_refused() {
        for value in ["", "a b", "a or status eq Running", ".*", "(x)", "\"x\""] {
            let tag = Tag {
                installation: "arcus".to_owned(),
                token: value.to_owned(),
            };
            assert!(check(&tag).is_err(), "{value}");
        }
    }
}
