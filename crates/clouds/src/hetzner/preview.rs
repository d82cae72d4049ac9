//! What making servers and taking them away would call, without calling it.
//!
//! Called by the trait. What must stay true: everything here looks and changes nothing; and what it names is what `create`,
//! `keys`, `group`, `power`, `snapshots` and `servers` send.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::keys::{fingerprints, key_name};
use super::wire::{Firewall, Network};
use super::{Hetzner, errors, group, labels};
use crate::cloud::{CloudResult, CreateInstance, GroupRef, InstanceRef, PreviewedCall};

/// What a group will have by then.
struct Foreseen {
    /// `None` where it has to be made.
    firewall: Option<u64>,
    rules: Vec<Value>,
    network: Option<u64>,
    zones: HashSet<String>,
}

// === impl Hetzner ===

impl Hetzner {
    pub(super) async fn preview_servers(
        &self,
        requests: &[CreateInstance],
    ) -> CloudResult<Vec<PreviewedCall>> {
        let mut calls = Vec::new();
        let mut keys = HashSet::new();
        let mut groups: HashMap<&str, Foreseen> = HashMap::new();
        for request in requests {
            self.check_request(request).await?;
            for (fingerprint, _) in fingerprints(&request.public_keys)? {
                if keys.insert(fingerprint.clone()) && self.key_with(&fingerprint).await?.is_none()
                {
                    let name = key_name(&fingerprint);
                    let does = format!("gives the project a public key as {name}; it stays");
                    calls.push(PreviewedCall::new("POST /v1/ssh_keys", does));
                }
            }
            let zone = self.zone_of(&request.region).await?;
            let name = labels::of_group(&request.group)?;
            let known = match groups.remove(request.group.as_str()) {
                Some(known) => known,
                None => self.foresee(&request.group).await?,
            };
            let known = known.with(request, &zone, &name, &mut calls);
            groups.insert(&request.group, known);
            let (name, plan, image) = (&request.name, &request.plan.slug, &request.image.slug);
            let does = format!("makes {name} in {}: {plan}, from {image}", request.region);
            calls.push(PreviewedCall::new("POST /v1/servers", does));
        }
        Ok(calls)
    }

    async fn foresee(&self, group: &str) -> CloudResult<Foreseen> {
        let firewall: Option<Firewall> = self.of_group("firewalls", group).await?;
        let network: Option<Network> = self.of_group("networks", group).await?;
        let zones = network.iter().flat_map(|network| &network.subnets);
        Ok(Foreseen {
            firewall: firewall.as_ref().map(|firewall| firewall.id),
            zones: zones.map(|subnet| subnet.network_zone.clone()).collect(),
            rules: firewall.map(|firewall| firewall.rules).unwrap_or_default(),
            network: network.map(|network| network.id),
        })
    }

    pub(super) async fn preview_end(
        &self,
        instances: &[InstanceRef],
        group: Option<&GroupRef>,
    ) -> CloudResult<Vec<PreviewedCall>> {
        let mut calls = Vec::new();
        for at in instances {
            let server = self.describe(at).await?;
            let name = labels::shown(&server.name, &server.labels);
            if server.protection.delete {
                return Err(errors::rejected(format!(
                    "{name} ({}) is protected from being deleted at Hetzner Cloud: it goes when that is switched off there",
                    at.id
                )));
            }
            let path = format!("/v1/servers/{}", at.id);
            let does = format!("gives {name} its last name");
            calls.push(PreviewedCall::new(format!("PUT {path}"), does));
            let does = format!("destroys {name} and its disk");
            calls.push(PreviewedCall::new(format!("DELETE {path}"), does));
        }
        if let Some(group) = group {
            calls.extend(self.preview_clearing(instances, &group.name).await?);
        }
        Ok(calls)
    }

    /// What deleting the snapshots of a server calls, once that is gone.
    pub(super) async fn preview_rest(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        let snapshots = self.images_of(labels::id(at)?).await?.into_iter();
        let calls = snapshots.map(|snapshot| {
            let does = format!("deletes the snapshot {} of {}", snapshot.description, at.id);
            PreviewedCall::new(format!("DELETE /v1/images/{}", snapshot.id), does)
        });
        Ok(calls.collect())
    }

    /// What taking away what a group has calls, when these are gone.
    async fn preview_clearing(
        &self,
        instances: &[InstanceRef],
        group: &str,
    ) -> CloudResult<Vec<PreviewedCall>> {
        let name = labels::of_group(group)?;
        let mut calls = Vec::new();
        if let Some(firewall) = self.of_group::<Firewall>("firewalls", group).await? {
            let path = format!("DELETE /v1/firewalls/{}", firewall.id);
            let does = format!("deletes the firewall {name}");
            calls.push(PreviewedCall::new(path, does));
        }
        if let Some(network) = self.of_group::<Network>("networks", group).await? {
            // Those of the group that are on their way out already are among its own as well.
            let selector = labels::selector(labels::GROUP, group)?;
            let borne = self.selected(&selector).await?.into_iter();
            let mut ours: HashSet<u64> = borne.map(|server| server.id).collect();
            ours.extend(instances.iter().filter_map(|at| labels::id(at).ok()));
            if !self.is_used_by_others(&network, &ours).await? {
                let path = format!("DELETE /v1/networks/{}", network.id);
                let does = format!("deletes the network {name}");
                calls.push(PreviewedCall::new(path, does));
            }
        }
        Ok(calls)
    }
}

/// What putting a server under our labels calls.
pub(super) fn adoption(at: &InstanceRef) -> Vec<PreviewedCall> {
    let call = format!("PUT /v1/servers/{}", at.id);
    let does = format!("puts the labels of this Arcus on {}", at.id);
    vec![PreviewedCall::new(call, does)]
}

/// What taking our labels off one calls.
pub(super) fn release(at: &InstanceRef) -> Vec<PreviewedCall> {
    let call = format!("PUT /v1/servers/{}", at.id);
    let does = format!("takes the labels of this Arcus off {}", at.id);
    vec![PreviewedCall::new(call, does)]
}

// === impl Foreseen ===

impl Foreseen {
    /// What the group has when that server is made as well, and the calls for it.
    fn with(
        mut self,
        request: &CreateInstance,
        zone: &str,
        name: &str,
        calls: &mut Vec<PreviewedCall>,
    ) -> Self {
        let missing = group::missing(&self.rules, &group::open_with(&request.ports));
        if !missing.is_empty() {
            let ports = missing.iter().filter_map(|rule| rule["port"].as_str());
            let ports: Vec<_> = ports.collect();
            let opens = format!("opens the ports {} from everywhere", ports.join(", "));
            calls.push(if self.rules.is_empty() && self.firewall.is_none() {
                PreviewedCall::new(
                    "POST /v1/firewalls",
                    format!("makes the firewall {name}: {opens}"),
                )
            } else {
                let id = self
                    .firewall
                    .map_or_else(|| "ID".to_owned(), |id| id.to_string());
                let call = format!("POST /v1/firewalls/{id}/actions/set_rules");
                PreviewedCall::new(call, format!("{opens}, in the firewall {name}"))
            });
            self.rules.extend(missing);
        }
        if self.zones.insert(zone.to_owned()) {
            calls.push(if self.network.is_none() && self.zones.len() == 1 {
                let does =
                    format!("makes the network {name}, in which its servers reach one another");
                PreviewedCall::new("POST /v1/networks", does)
            } else {
                let id = self
                    .network
                    .map_or_else(|| "ID".to_owned(), |id| id.to_string());
                let call = format!("POST /v1/networks/{id}/actions/add_subnet");
                PreviewedCall::new(
                    call,
                    format!("lets the network {name} reach {}", request.region),
                )
            });
        }
        self
    }
}
