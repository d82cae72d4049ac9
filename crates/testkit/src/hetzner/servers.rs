//! Servers: made, shown, changed, deleted.

use serde_json::{Value, json};

use super::calls::{Reply, error, invalid, not_found, protected};
use super::catalog;
use super::world::{Server, World, now};

const MOST_USER_DATA: usize = 32 << 10;

// === impl World ===

impl World {
    pub(super) fn create_server(&mut self, body: &Value, fails: bool) -> Reply {
        if self.servers.len() >= self.server_limit {
            return error(403, "resource_limit_exceeded", "server limit exceeded");
        }
        let name = body["name"].as_str().unwrap_or_default();
        if !is_hostname(name) {
            return invalid("name");
        }
        if self.servers.values().any(|server| server.name == name) {
            return error(409, "uniqueness_error", "server name is already used");
        }
        let Some(sold) = catalog::server_type(&body["server_type"]) else {
            return invalid("server_type");
        };
        let location = body["location"].as_str().unwrap_or_default();
        if catalog::location(location).is_none() {
            return invalid("location");
        }
        if !sold.is_sold_in(location) {
            return error(422, "invalid_input", "unsupported location for server type");
        }
        let Some(image) = self.image(&body["image"]).filter(|image| sold.fits(image)) else {
            return invalid("image");
        };
        if !are_labels(&body["labels"]) {
            return invalid("labels");
        }
        let data = body["user_data"].as_str().unwrap_or_default();
        if data.len() > MOST_USER_DATA {
            return invalid("user_data");
        }
        let listed = |key: &str| body[key].as_array().cloned().unwrap_or_default();
        let there = |all: &[Value], id: &Value| all.iter().any(|one| one["id"] == *id);
        let is_key = |key: &Value| {
            let id = key.as_str().and_then(|key| key.parse::<u64>().ok());
            there(&self.keys, &json!(id))
        };
        if !listed("ssh_keys").iter().all(is_key) {
            return invalid("ssh_keys");
        }
        let firewalls = listed("firewalls");
        let firewalls: Vec<_> = firewalls
            .iter()
            .map(|one| one["firewall"].clone())
            .collect();
        let networks = listed("networks");
        if !firewalls.iter().all(|id| there(&self.firewalls, id))
            || !networks.iter().all(|id| there(&self.networks, id))
        {
            return not_found();
        }
        let ids = |all: &[Value]| all.iter().filter_map(Value::as_u64).collect();
        let server = Server {
            name: name.to_owned(),
            location: location.to_owned(),
            sold,
            disk: sold.disk,
            image,
            status: "initializing",
            labels: body["labels"].clone(),
            firewalls: ids(&firewalls),
            networks: ids(&networks),
            created: now(),
        };
        let id = self.new_id();
        self.servers.insert(id, server);
        let made = self.begin("create_server", ("server", id), json!({}), (fails, 1));
        let started = self.begin("start_server", ("server", id), json!({}), (fails, 2));
        let answer = json!({
            "server": self.shown(id), "action": self.shown_action(made),
            "next_actions": [self.shown_action(started)], "root_password": null,
        });
        (201, answer)
    }

    pub(super) fn get_server(&self, id: u64) -> Reply {
        if self.servers.contains_key(&id) {
            (200, json!({ "server": self.shown(id) }))
        } else {
            not_found()
        }
    }

    pub(super) fn put_server(&mut self, id: u64, body: &Value) -> Reply {
        let name = body["name"].as_str();
        if name.is_some_and(|name| !is_hostname(name)) {
            return invalid("name");
        }
        let others = self.servers.iter().filter(|(other, _)| **other != id);
        let mut others = others.map(|(_, server)| server.name.as_str());
        if others.any(|other| Some(other) == name) {
            return error(409, "uniqueness_error", "server name is already used");
        }
        let labels = &body["labels"];
        if !labels.is_null() && !are_labels(labels) {
            return invalid("labels");
        }
        let Some(server) = self.servers.get_mut(&id) else {
            return not_found();
        };
        if let Some(name) = name {
            name.clone_into(&mut server.name);
        }
        if !labels.is_null() {
            server.labels = labels.clone();
        }
        (200, json!({ "server": self.shown(id) }))
    }

    /// It is seen for a moment after that.
    pub(super) fn delete_server(&mut self, id: u64, fails: bool) -> Reply {
        if self.is_locked(id) {
            return error(423, "locked", "server is locked");
        }
        if self.protected.contains(&id) {
            return protected("server");
        }
        let Some(server) = self.servers.get_mut(&id) else {
            return not_found();
        };
        server.status = "deleting";
        let action = self.begin("delete_server", ("server", id), json!({}), (fails, 1));
        (200, json!({ "action": self.shown_action(action) }))
    }

    /// Both go together, as Hetzner has it for servers.
    fn protection(&self, id: u64) -> Value {
        let is_protected = self.protected.contains(&id);
        json!({ "delete": is_protected, "rebuild": is_protected })
    }

    /// It is gone; lists that lag show it once more.
    pub(super) fn remove_server(&mut self, id: u64) {
        let shown = self.shown(id);
        let server = self.servers.remove(&id);
        if let Some(server) = server.filter(|_| self.lists_lag) {
            self.still_listed.push(shown);
            let networks = server.networks.into_iter();
            self.still_attached
                .extend(networks.map(|network| (network, id)));
        }
    }

    /// Those that live, and for the last time those that fit and are gone.
    pub(super) fn listed_servers(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let gone = std::mem::take(&mut self.still_listed).into_iter();
        let (gone, others): (Vec<_>, Vec<_>) = gone.partition(fits);
        self.still_listed = others;
        let living = self.servers.keys().map(|id| self.shown(*id));
        living.chain(gone).collect()
    }

    fn shown(&self, id: u64) -> Value {
        let Some(server) = self.servers.get(&id) else {
            return Value::Null;
        };
        let (high, low) = (id / 250 % 250, id % 250 + 2);
        let (received, sent) = self.traffic;
        let private: Vec<_> = server
            .networks
            .iter()
            .map(|network| {
                json!({
                    "network": network, "ip": format!("10.98.{high}.{low}"), "alias_ips": [],
                    "mac_address": "86:00:ff:2a:7d:e1",
                })
            })
            .collect();
        let firewalls: Vec<_> = server
            .firewalls
            .iter()
            .map(|firewall| json!({ "id": firewall, "status": "applied" }))
            .collect();
        json!({
            "id": id, "name": server.name, "status": server.status, "created": server.created,
            "public_net": {
                "ipv4": { "id": id, "ip": format!("203.0.{high}.{low}"), "blocked": false,
                          "dns_ptr": format!("static.{low}.{high}.0.203.clients.example.com") },
                "ipv6": { "id": id, "ip": format!("2001:db8:{id:x}::/64"), "blocked": false, "dns_ptr": [] },
                "floating_ips": [], "firewalls": firewalls,
            },
            "private_net": private, "server_type": server.sold.shown(), "location": catalog::location(&server.location),
            "image": server.image, "iso": null, "rescue_enabled": false, "locked": self.is_locked(id),
            "backup_window": null, "outgoing_traffic": sent, "ingoing_traffic": received,
            "included_traffic": 21_990_232_555_520_u64, "protection": self.protection(id),
            "labels": server.labels, "volumes": [], "load_balancers": [], "primary_disk_size": server.disk,
            "placement_group": null,
        })
    }
}

/// Parts of letters, digits and `-`, which begin and end with a letter or a digit.
fn is_hostname(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    name.len() <= 253
        && name.split('.').all(|part| {
            let ends = !part.starts_with('-') && !part.ends_with('-');
            (1..=63).contains(&part.len()) && part.bytes().all(plain) && ends
        })
}

fn are_labels(labels: &Value) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_value = |value: &Value| {
        value.as_str().is_some_and(|value| {
            let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
            value.len() <= 63
                && value.bytes().all(plain)
                && ends(value.chars().next())
                && ends(value.chars().last())
        })
    };
    labels
        .as_object()
        .is_some_and(|labels| labels.values().all(is_value))
}
