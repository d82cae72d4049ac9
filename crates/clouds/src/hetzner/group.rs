//! What a group of servers has: a firewall, which says what they are reached at from outside, and a private network, in
//! which they reach one another everywhere, since Hetzner's firewalls stand before the public addresses alone.
//!
//! Made before the first server of a group by `create`, deleted with the last one by `clear_group`. What must stay true:
//! rules are added and never taken away, since another server of the group, or a person, may need them; and a network to which
//! a person has attached something stays, since it would be taken from that.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::actions::USUAL_LIMIT;
use super::wire::{Firewall, Location, ManyActions, Network, OneAction, OneFirewall, OneNetwork};
use super::{Hetzner, errors, labels};
use crate::cloud::{CloudError, CloudResult, ErrorClass};

const SSH: u16 = 22;
const ANYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];
/// The addresses of a group's network: none of those that Docker takes by itself.
const RANGE: &str = "10.98.0.0/16";
/// How often rules are added that another Arcus, adding its own, has just written over.
const TRIES: usize = 3;

/// What a create names of its group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) firewall: u64,
    pub(super) network: u64,
}

// === impl Hetzner ===

impl Hetzner {
    /// Sees to it that the group has a firewall which lets in SSH and these ports, and a network that reaches the location.
    pub(super) async fn ensure_group(
        &self,
        group: &str,
        location: &str,
        ports: &[u16],
    ) -> CloudResult<Group> {
        let open = open_with(ports);
        let ask = async {
            let zone = self.zone_of(location).await?;
            let _alone = self.making_groups.lock().await;
            Ok(Group {
                firewall: self.ensure_firewall(group, &open).await?,
                network: self.ensure_network(group, &zone).await?,
            })
        };
        let key = format!("{group}/{location}/{open:?}");
        self.groups.get(&key, Box::pin(ask)).await
    }

    /// Deletes what the group has, where no server bears its label any more.
    pub(super) async fn take_group_away(&self, group: &str) -> CloudResult<()> {
        let selector = labels::selector(labels::GROUP, group)?;
        let _alone = self.making_groups.lock().await;
        for server in self.selected(&selector).await? {
            if self.is_there(server.id).await? {
                return Ok(());
            }
        }
        self.groups.forget(&format!("{group}/"));
        let parameters = [("label_selector", selector.as_str())];
        // The firewalls first: Hetzner deletes none that a server has, while a network is taken from its servers.
        let firewalls: Vec<Firewall> = self.client.list(&["firewalls"], &parameters).await?;
        for firewall in firewalls {
            self.delete_unused("firewalls", firewall.id).await?;
        }
        let networks: Vec<Network> = self.client.list(&["networks"], &parameters).await?;
        for network in networks {
            if self.is_used_by_others(&network, &HashSet::new()).await? {
                // It costs nothing.
                let id = network.id;
                tracing::info!(
                    network = id,
                    group,
                    "a network stays: others are attached to it"
                );
            } else {
                self.delete_unused("networks", network.id).await?;
            }
        }
        Ok(())
    }

    /// Whether something is attached to a network besides the group's own servers: Hetzner would take the network from it.
    pub(super) async fn is_used_by_others(
        &self,
        network: &Network,
        ours: &HashSet<u64>,
    ) -> CloudResult<bool> {
        if !network.load_balancers.is_empty() {
            return Ok(true);
        }
        for server in network.servers.iter().filter(|id| !ours.contains(id)) {
            if self.is_there(*server).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A server that has just gone may hold it for a moment: then it is tried again later, by who asked for it.
    async fn delete_unused(&self, what: &str, id: u64) -> CloudResult<()> {
        let path = [what, &id.to_string()];
        match self.client.change(Method::DELETE, &path, None).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            Err(error) if errors::is_in_use(Some(&error)) => {
                Err(CloudError::new(ErrorClass::Unavailable, error.message))
            }
            deleted => deleted,
        }
    }

    async fn ensure_firewall(&self, group: &str, open: &[u16]) -> CloudResult<u64> {
        if let Some(found) = self.of_group::<Firewall>("firewalls", group).await? {
            return self.complete(group, found, open).await;
        }
        let rules: Vec<_> = open.iter().map(|port| rule(*port)).collect();
        let body = json!({
            "name": labels::of_group(group)?, "labels": { (labels::GROUP): group }, "rules": rules,
        });
        match self.client.post::<OneFirewall>(&["firewalls"], &body).await {
            // Another Arcus was quicker.
            Err(error) if errors::is_taken(&error) => {
                match self.of_group::<Firewall>("firewalls", group).await? {
                    Some(found) => self.complete(group, found, open).await,
                    None => Err(error),
                }
            }
            made => made.map(|one| one.firewall.id),
        }
    }

    /// Adds what a firewall doesn't let in yet. Rules are set as a whole, so it is looked at again whether they stayed.
    async fn complete(&self, group: &str, found: Firewall, open: &[u16]) -> CloudResult<u64> {
        let mut firewall = found;
        for _ in 0..TRIES {
            let missing = missing(&firewall.rules, open);
            if missing.is_empty() {
                return Ok(firewall.id);
            }
            let id = firewall.id.to_string();
            let path = ["firewalls", &id, "actions", "set_rules"];
            let all = [firewall.rules, missing].concat();
            let body = json!({ "rules": all });
            let set: ManyActions = self.client.post(&path, &body).await?;
            for action in &set.actions {
                self.finish(action, USUAL_LIMIT).await?;
            }
            let again = self.of_group("firewalls", group).await?;
            firewall = again.ok_or_else(|| errors::lost("the firewall is gone", false))?;
        }
        Err(errors::lost("the firewall's rules don't stay", false))
    }

    async fn ensure_network(&self, group: &str, zone: &str) -> CloudResult<u64> {
        let known = self.of_group::<Network>("networks", group).await?;
        let found = match known {
            Some(known) => known,
            None => self.make_network(group, zone).await?,
        };
        let mut subnets = found.subnets.iter();
        if !subnets.any(|subnet| subnet.network_zone == zone) {
            let id = found.id.to_string();
            let path = ["networks", &id, "actions", "add_subnet"];
            let body = json!({ "type": "cloud", "network_zone": zone });
            let added: OneAction = self.client.post(&path, &body).await?;
            self.finish(&added.action, USUAL_LIMIT).await?;
        }
        Ok(found.id)
    }

    async fn make_network(&self, group: &str, zone: &str) -> CloudResult<Network> {
        let body = json!({
            "name": labels::of_group(group)?, "labels": { (labels::GROUP): group }, "ip_range": RANGE,
            "subnets": [{ "type": "cloud", "network_zone": zone }],
        });
        match self.client.post::<OneNetwork>(&["networks"], &body).await {
            // Another Arcus was quicker.
            Err(error) if errors::is_taken(&error) => {
                let found = self.of_group("networks", group).await?;
                found.ok_or(error)
            }
            made => made.map(|one| one.network),
        }
    }

    /// What a group has already of that kind.
    pub(super) async fn of_group<T>(&self, what: &str, group: &str) -> CloudResult<Option<T>>
    where
        T: serde::de::DeserializeOwned + super::wire::Listed,
    {
        let selector = labels::selector(labels::GROUP, group)?;
        let parameters = [("label_selector", selector.as_str())];
        let found = self.client.list(&[what], &parameters).await?;
        Ok(found.into_iter().next())
    }

    /// The network zone of a location.
    pub(super) async fn zone_of(&self, location: &str) -> CloudResult<String> {
        let ask = async {
            let parameters = [("name", location)];
            let found: Vec<Location> = self.client.list(&["locations"], &parameters).await?;
            let found = found.into_iter().next().map(|found| found.network_zone);
            found.ok_or_else(|| {
                errors::rejected(format!("Hetzner Cloud has no location {location:?}"))
            })
        };
        self.zones.get(location, ask).await
    }
}

/// What is open from everywhere, in order and each once.
pub(super) fn open_with(ports: &[u16]) -> Vec<u16> {
    let mut open = vec![SSH];
    open.extend(ports);
    open.sort_unstable();
    open.dedup();
    open
}

/// The rules that are not among those of a firewall yet.
pub(super) fn missing(known: &[Value], open: &[u16]) -> Vec<Value> {
    let wanted = open.iter().map(|port| rule(*port));
    let missing = wanted.filter(|one| !known.iter().any(|rule| is_in(one, rule)));
    missing.collect()
}

pub(super) fn rule(port: u16) -> Value {
    json!({
        "direction": "in", "protocol": "tcp", "port": port.to_string(), "source_ips": ANYWHERE,
    })
}

/// Whether a firewall's rule lets in what a rule of ours does, from anywhere.
fn is_in(ours: &Value, rule: &Value) -> bool {
    let same = |key: &str| ours[key] == rule[key];
    let sources = rule["source_ips"].as_array();
    let from =
        |source: &&str| sources.is_some_and(|sources| sources.iter().any(|known| known == source));
    same("direction") && same("protocol") && same("port") && ANYWHERE.iter().all(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_some_addresses_alone_is_not_one_for_all() {
        let mut shown = rule(443);
        shown["destination_ips"] = json!([]);
        shown["description"] = Value::Null;
        assert!(is_in(&rule(443), &shown));
        assert!(!is_in(&rule(80), &shown));
        shown["source_ips"] = json!(["0.0.0.0/0"]);
        assert!(!is_in(&rule(443), &shown));
    }
}
