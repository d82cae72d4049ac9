//! What an account has besides droplets: keys, tags, firewalls, snapshots.

use domain::random;
use serde_json::{Value, json};

use super::calls::{Asked, Reply, error, not_found};
use super::world::{Snapshot, World, now};

pub(super) fn account(world: &World) -> Reply {
    let account = json!({
        "droplet_limit": world.droplet_limit, "floating_ip_limit": 5, "email": "someone@example.com",
        "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef", "email_verified": true, "status": "active",
        "status_message": "",
    });
    (200, json!({ "account": account }))
}

// === impl World ===

impl World {
    pub(super) fn key(&self, named: &str) -> Reply {
        let named = named.replace("%3A", ":").replace("%3a", ":");
        let is_it = |key: &&Value| key["fingerprint"] == json!(named);
        match self.keys.iter().find(is_it) {
            Some(key) => (200, json!({ "ssh_key": key })),
            None => not_found(),
        }
    }

    pub(super) fn add_key(&mut self, body: &Value) -> Reply {
        let text = body["public_key"].as_str().unwrap_or_default();
        let Some(fingerprint) = fingerprint(text) else {
            return error(
                422,
                "Key invalid, key should be of the format `type key [comment]`",
            );
        };
        if self
            .keys
            .iter()
            .any(|key| key["fingerprint"] == json!(fingerprint))
        {
            return error(422, "SSH Key is already in use on your account");
        }
        let key = json!({
            "id": self.new_id(), "fingerprint": fingerprint, "public_key": text, "name": body["name"],
        });
        self.keys.push(key.clone());
        (201, json!({ "ssh_key": key }))
    }

    pub(super) fn add_tag(&mut self, body: &Value) -> Reply {
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        self.tags.insert(name.clone());
        (201, json!({ "tag": self.tag(&name) }))
    }

    pub(super) fn show_tag(&self, name: &str) -> Reply {
        if self.tags.contains(name) {
            (200, json!({ "tag": self.tag(name) }))
        } else {
            not_found()
        }
    }

    fn tag(&self, name: &str) -> Value {
        let droplets = self.droplets.values();
        let count = droplets
            .filter(|droplet| droplet.tags.contains(name))
            .count();
        let (droplets, none) = (json!({ "count": count }), json!({ "count": 0 }));
        let resources = json!({
            "count": count, "droplets": droplets, "imgages": none, "volumes": none, "volume_snapshots": none,
            "databases": none,
        });
        json!({ "name": name, "resources": resources })
    }

    pub(super) fn delete_tag(&mut self, tag: &str) -> Reply {
        if !self.tags.remove(tag) {
            return not_found();
        }
        for droplet in self.droplets.values_mut() {
            droplet.tags.remove(tag);
        }
        (204, Value::Null)
    }

    /// Puts a tag on resources, or takes it off.
    pub(super) fn put_tag(&mut self, tag: &str, body: &Value, on: bool) -> Reply {
        if !self.tags.contains(tag) {
            return not_found();
        }
        for resource in body["resources"].as_array().into_iter().flatten() {
            let id = resource["resource_id"]
                .as_str()
                .and_then(|id| id.parse().ok());
            let Some(droplet) = id.and_then(|id: u64| self.droplets.get_mut(&id)) else {
                return not_found();
            };
            if on {
                droplet.tags.insert(tag.to_owned());
            } else {
                droplet.tags.remove(tag);
            }
        }
        (204, Value::Null)
    }

    pub(super) fn add_firewall(&mut self, body: &Value) -> Reply {
        if self.firewalls.iter().any(|one| one["name"] == body["name"]) {
            return error(409, "duplicate name");
        }
        let mut tags = body["tags"].as_array().into_iter().flatten();
        if !tags.all(|tag| self.tags.contains(tag.as_str().unwrap_or_default())) {
            return error(422, "tag does not exist");
        }
        let hex = random::hex::<16>();
        let id = format!(
            "{}-{}-4{}-8{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        );
        let firewall = json!({
            "id": id, "name": body["name"], "status": "succeeded", "created_at": now(), "pending_changes": [],
            "droplet_ids": [], "tags": body["tags"], "inbound_rules": body["inbound_rules"],
            "outbound_rules": body["outbound_rules"],
        });
        self.firewalls.push(firewall.clone());
        (202, json!({ "firewall": firewall }))
    }

    pub(super) fn delete_firewall(&mut self, id: &str) -> Reply {
        let before = self.firewalls.len();
        self.firewalls
            .retain(|firewall| firewall["id"] != json!(id));
        if self.firewalls.len() < before {
            (204, Value::Null)
        } else {
            not_found()
        }
    }

    pub(super) fn add_rules(&mut self, id: &str, body: &Value) -> Reply {
        let found = self.firewalls.iter_mut().find(|one| one["id"] == json!(id));
        let rules = found.and_then(|firewall| firewall["inbound_rules"].as_array_mut());
        match rules {
            Some(rules) => {
                rules.extend(
                    body["inbound_rules"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .cloned(),
                );
                (204, Value::Null)
            }
            None => not_found(),
        }
    }

    pub(super) fn list_snapshots(&self, droplet: u64, asked: &Asked) -> Reply {
        if !self.droplets.contains_key(&droplet) {
            return not_found();
        }
        let its = self
            .snapshots
            .iter()
            .filter(|snapshot| snapshot.of == droplet);
        asked.page("snapshots", its.map(Snapshot::shown).collect())
    }

    /// Those of all droplets, gone or not. Of volumes there are none.
    pub(super) fn list_all_snapshots(&self, asked: &Asked) -> Reply {
        let wanted = asked.query.get("resource_type");
        let all = self.snapshots.iter();
        let all = all.filter(|_| wanted.is_none_or(|kind| kind == "droplet"));
        asked.page("snapshots", all.map(Snapshot::kept).collect())
    }

    pub(super) fn delete_snapshot(&mut self, id: u64) -> Reply {
        let before = self.snapshots.len();
        self.snapshots.retain(|snapshot| snapshot.id != id);
        if self.snapshots.len() < before {
            (204, Value::Null)
        } else {
            not_found()
        }
    }
}

// === impl Snapshot ===

impl Snapshot {
    fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "created_at": self.created_at, "regions": [self.region],
            "min_disk_size": self.disk, "size_gigabytes": 2.34, "type": "snapshot",
        })
    }

    /// As the account's list shows it.
    fn kept(&self) -> Value {
        json!({
            "id": self.id.to_string(), "name": self.name, "created_at": self.created_at, "regions": [self.region],
            "min_disk_size": self.disk, "size_gigabytes": 2.34, "resource_id": self.of.to_string(),
            "resource_type": "droplet", "tags": [],
        })
    }

    /// As the image of a droplet that was made from it.
    pub(super) fn image(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "type": "snapshot", "distribution": "Debian", "slug": null, "public": false,
            "regions": [self.region], "created_at": self.created_at, "min_disk_size": self.disk, "size_gigabytes": 2.34,
            "description": "", "tags": [], "status": "available",
        })
    }
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
