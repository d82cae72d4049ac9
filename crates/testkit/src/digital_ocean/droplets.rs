//! Droplets: made, shown, destroyed.

use std::sync::Weak;
use std::time::Instant;

use serde_json::{Value, json};

use super::calls::{Asked, Reply, error, not_found};
use super::catalog;
use super::world::{Droplet, World, now};
use crate::body::{Body, Order};

// === impl World ===

impl World {
    pub(super) fn create_droplet(&mut self, body: &Value, fails: bool) -> Reply {
        if self.droplets.len() >= self.droplet_limit {
            let limit = "creating this/these droplet(s) will exceed your droplet limit";
            return error(422, limit);
        }
        let Some(size) = catalog::size_of(&body["size"]) else {
            return error(422, "You specified an invalid size for Droplet creation.");
        };
        let region = body["region"].as_str().unwrap_or_default();
        if !catalog::has_region(region) {
            return error(422, "You specified an invalid region for Droplet creation.");
        }
        if !size.is_sold_in(region) {
            return error(422, "Size is not available in this region.");
        }
        let snapshot = self
            .snapshots
            .iter()
            .find(|snapshot| json!(snapshot.id) == body["image"]);
        let image = match snapshot {
            Some(snapshot) => Some(snapshot.image()),
            None => catalog::image(&body["image"]),
        };
        let Some(image) = image else {
            return error(422, "You specified an invalid image for Droplet creation.");
        };
        let texts = |key: &str| {
            let given = body[key].as_array().into_iter().flatten();
            given.filter_map(|text| text.as_str().map(str::to_owned))
        };
        let known = |key: &String| self.keys.iter().any(|one| one["fingerprint"] == json!(key));
        if !texts("ssh_keys").all(|key| known(&key)) {
            return error(422, "One of the SSH keys is invalid.");
        }
        let droplet = Droplet {
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            region: region.to_owned(),
            size,
            disk: size.disk,
            image,
            status: "new",
            tags: texts("tags").collect(),
            created_at: now(),
            gone_at: None,
            body: None,
        };
        self.tags.extend(droplet.tags.iter().cloned());
        let id = self.new_id();
        let user_data = body["user_data"].as_str().unwrap_or_default();
        let bodies = self.bodies.as_ref().and_then(Weak::upgrade);
        // What fails to be made has no system.
        let begun = bodies.filter(|_| !fails);
        let droplet = Droplet {
            body: begun.map(|bodies| bodies.start(&id.to_string(), user_data.as_bytes())),
            ..droplet
        };
        self.droplets.insert(id, droplet);
        let action = self.begin(id, json!({ "type": "create" }), fails);
        let href = format!("https://api.digitalocean.com/v2/actions/{action}");
        let links = json!({ "actions": [{ "id": action, "rel": "create", "href": href }] });
        (202, json!({ "droplet": self.shown(id), "links": links }))
    }

    pub(super) fn get_droplet(&self, id: u64) -> Reply {
        if self.droplets.contains_key(&id) {
            (200, json!({ "droplet": self.shown(id) }))
        } else {
            not_found()
        }
    }

    pub(super) fn list_droplets(&mut self, asked: &Asked) -> Reply {
        let tag = asked.query.get("tag_name");
        let bears = |droplet: &Droplet| tag.is_none_or(|tag| droplet.tags.contains(tag));
        let found = self.droplets.iter().filter(|(_, droplet)| bears(droplet));
        let mut found: Vec<_> = found.map(|(id, _)| self.shown(*id)).collect();
        for (shown, tags) in &mut self.still_listed {
            if tag.is_some_and(|tag| tags.remove(tag)) {
                found.push(shown.clone());
            }
        }
        asked.page("droplets", found)
    }

    /// It is seen for a moment after that. Its snapshots stay, whoever took them.
    pub(super) fn destroy_droplet(&mut self, id: u64) -> Reply {
        if self.is_being_taken(id) {
            return error(422, "Droplet already has a pending event.");
        }
        let pace = self.pace;
        match self.droplets.get_mut(&id) {
            Some(droplet) => {
                if let Some(body) = droplet.body.as_ref().filter(|_| droplet.gone_at.is_none()) {
                    body.tell(Order::Destroy);
                }
                droplet.gone_at.get_or_insert(Instant::now() + pace);
                (204, Value::Null)
            }
            None => not_found(),
        }
    }

    pub(super) fn shown(&self, id: u64) -> Value {
        let Some(droplet) = self.droplets.get(&id) else {
            return Value::Null;
        };
        let (high, low) = (id / 250 % 250, id % 250 + 2);
        // A body has one address, and is reached by it from everywhere.
        let its_own = droplet.body.as_ref().and_then(Body::address);
        let address = |usual: String| its_own.map_or(usual, |own| own.to_string());
        let private = address(format!("10.10.{high}.{low}"));
        let public = address(format!("203.0.{high}.{low}"));
        let v4 = json!([
            { "ip_address": private, "netmask": "255.255.0.0", "gateway": "10.10.0.1", "type": "private" },
            { "ip_address": public, "netmask": "255.255.240.0", "gateway": format!("203.0.{}.1", high / 16 * 16),
              "type": "public" },
        ]);
        let v6 = json!([{
            "ip_address": format!("2604:a880::{id:x}"), "netmask": 64, "gateway": "2604:a880::1", "type": "public",
        }]);
        let networks = if droplet.status == "new" {
            json!({ "v4": [], "v6": [] })
        } else {
            json!({ "v4": v4, "v6": v6 })
        };
        let snapshots = self.snapshots.iter().filter(|snapshot| snapshot.of == id);
        let snapshots: Vec<_> = snapshots.map(|snapshot| snapshot.id).collect();
        json!({
            "id": id,
            "name": droplet.name,
            "memory": droplet.size.memory,
            "vcpus": droplet.size.vcpus,
            "disk": droplet.disk,
            "locked": self.is_busy(id),
            "status": droplet.status,
            "created_at": droplet.created_at,
            "features": ["ipv6", "monitoring"],
            "backup_ids": [],
            "next_backup_window": null,
            "snapshot_ids": snapshots,
            "image": droplet.image,
            "volume_ids": [],
            "size": catalog::shown_size(droplet.size),
            "size_slug": droplet.size.slug,
            "networks": networks,
            "region": catalog::region(&droplet.region),
            "tags": droplet.tags,
        })
    }
}
