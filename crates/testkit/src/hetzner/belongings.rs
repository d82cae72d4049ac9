//! What a project has besides servers: keys, images, firewalls, networks.

use serde_json::{Value, json};

use super::calls::{Reply, error, invalid, not_found, protected};
use super::catalog;
use super::world::{World, now};

// === impl World ===

impl World {
    pub(super) fn add_key(&mut self, body: &Value) -> Reply {
        let text = body["public_key"].as_str().unwrap_or_default();
        let Some(fingerprint) = fingerprint(text) else {
            return invalid("public_key");
        };
        let same =
            |key: &Value| key["fingerprint"] == json!(fingerprint) || key["name"] == body["name"];
        if self.keys.iter().any(same) {
            return error(409, "uniqueness_error", "SSH key not unique");
        }
        let key = json!({
            "id": self.new_id(), "name": body["name"], "fingerprint": fingerprint, "public_key": text, "labels": {},
            "created": now(),
        });
        self.keys.push(key.clone());
        (201, json!({ "ssh_key": key }))
    }

    /// Hetzner's own, and the project's snapshots.
    pub(super) fn all_images(&self) -> Vec<Value> {
        let mut all = catalog::images();
        all.extend(self.images.values().cloned());
        all
    }

    /// The image of that id, as text, where it is whole.
    pub(super) fn image(&self, id: &Value) -> Option<Value> {
        let id: u64 = id.as_str()?.parse().ok()?;
        let mut all = self.all_images().into_iter();
        all.find(|image| image["id"] == json!(id) && image["status"] == json!("available"))
    }

    pub(super) fn delete_image(&mut self, id: u64) -> Reply {
        if self.protected.contains(&id) {
            return protected("image");
        }
        match self.images.remove(&id) {
            Some(_) => (204, Value::Null),
            None => not_found(),
        }
    }

    pub(super) fn shown_firewalls(&self) -> Vec<Value> {
        let shown = |firewall: &Value| {
            let mut firewall = firewall.clone();
            let uses = self.servers.iter().filter(|(_, server)| {
                server
                    .firewalls
                    .iter()
                    .any(|id| firewall["id"] == json!(id))
            });
            let uses = uses.map(|(id, _)| json!({ "type": "server", "server": { "id": id } }));
            firewall["applied_to"] = uses.collect();
            firewall
        };
        self.firewalls.iter().map(shown).collect()
    }

    pub(super) fn add_firewall(&mut self, body: &Value) -> Reply {
        if self.firewalls.iter().any(|one| one["name"] == body["name"]) {
            return error(409, "uniqueness_error", "firewall name is already used");
        }
        let firewall = json!({
            "id": self.new_id(), "name": body["name"], "labels": body["labels"], "created": now(),
            "rules": shown_rules(&body["rules"]), "applied_to": [],
        });
        self.firewalls.push(firewall.clone());
        (201, json!({ "firewall": firewall, "actions": [] }))
    }

    pub(super) fn set_rules(&mut self, id: u64, body: &Value) -> Reply {
        let rules = shown_rules(&body["rules"]);
        let found = self.firewalls.iter_mut().find(|one| one["id"] == json!(id));
        let Some(firewall) = found else {
            return not_found();
        };
        firewall["rules"] = rules;
        let action = self.begin(
            "set_firewall_rules",
            ("firewall", id),
            json!({}),
            (false, 1),
        );
        (201, json!({ "actions": [self.shown_action(action)] }))
    }

    pub(super) fn delete_firewall(&mut self, id: u64) -> Reply {
        if self
            .servers
            .values()
            .any(|server| server.firewalls.contains(&id))
        {
            return error(422, "resource_in_use", "firewall is in use");
        }
        remove(&mut self.firewalls, id)
    }

    /// With the servers that are attached, and for the last time with those that are gone.
    pub(super) fn shown_networks(&mut self) -> Vec<Value> {
        let gone = std::mem::take(&mut self.still_attached);
        let shown = |network: &Value| {
            let mut network = network.clone();
            let is_it = |id: &u64| network["id"] == json!(id);
            let living = self.servers.iter();
            let living = living.filter(|(_, server)| server.networks.iter().any(is_it));
            let gone = gone.iter().filter(|(attached, _)| is_it(attached));
            let servers = living.map(|(id, _)| *id).chain(gone.map(|(_, id)| *id));
            network["servers"] = json!(servers.collect::<Vec<_>>());
            network
        };
        self.networks.iter().map(shown).collect()
    }

    pub(super) fn add_network(&mut self, body: &Value) -> Reply {
        if self.networks.iter().any(|one| one["name"] == body["name"]) {
            return error(409, "uniqueness_error", "network name is already used");
        }
        let subnets = body["subnets"].as_array().cloned().unwrap_or_default();
        let subnets = subnets.iter().enumerate();
        let subnets: Vec<_> = subnets
            .map(|(number, one)| shown_subnet(number, one))
            .collect();
        let network = json!({
            "id": self.new_id(), "name": body["name"], "ip_range": body["ip_range"], "subnets": subnets, "routes": [],
            "servers": [], "load_balancers": [], "protection": { "delete": false }, "labels": body["labels"],
            "created": now(), "expose_routes_to_vswitch": false,
        });
        self.networks.push(network.clone());
        (201, json!({ "network": network }))
    }

    pub(super) fn add_subnet(&mut self, id: u64, body: &Value) -> Reply {
        let found = self.networks.iter_mut().find(|one| one["id"] == json!(id));
        let Some(subnets) = found.and_then(|network| network["subnets"].as_array_mut()) else {
            return not_found();
        };
        subnets.push(shown_subnet(subnets.len(), body));
        let action = self.begin("add_subnet", ("network", id), json!({}), (false, 1));
        (201, json!({ "action": self.shown_action(action) }))
    }

    /// Its servers leave it.
    pub(super) fn delete_network(&mut self, id: u64) -> Reply {
        for server in self.servers.values_mut() {
            server.networks.retain(|network| *network != id);
        }
        remove(&mut self.networks, id)
    }
}

fn remove(all: &mut Vec<Value>, id: u64) -> Reply {
    let before = all.len();
    all.retain(|one| one["id"] != json!(id));
    if all.len() < before {
        (204, Value::Null)
    } else {
        not_found()
    }
}

/// Rules as they are shown: with all of their parts.
fn shown_rules(rules: &Value) -> Value {
    let shown = |rule: &Value| {
        json!({
            "direction": rule["direction"], "protocol": rule["protocol"], "port": rule["port"],
            "source_ips": rule["source_ips"], "destination_ips": [], "description": null,
        })
    };
    rules.as_array().into_iter().flatten().map(shown).collect()
}

fn shown_subnet(number: usize, subnet: &Value) -> Value {
    json!({
        "type": subnet["type"], "network_zone": subnet["network_zone"], "ip_range": format!("10.98.{number}.0/24"),
        "gateway": "10.98.0.1", "vswitch_id": null,
    })
}

fn fingerprint(key: &str) -> Option<String> {
    use base64::Engine;
    use md5::Digest;
    let encoded = key.split_whitespace().nth(1)?;
    let key = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    let digest = md5::Md5::digest(&key);
    let pairs: Vec<_> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(pairs.join(":"))
}
