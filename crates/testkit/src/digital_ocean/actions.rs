//! What is done to a droplet: begun at once, ended with time.

use serde_json::{Value, json};

use super::calls::{Asked, Reply, error, not_found};
use super::catalog;
use super::world::World;

// === impl World ===

impl World {
    pub(super) fn act(&mut self, id: u64, body: &Value, fails: bool) -> Reply {
        let Some(droplet) = self.droplets.get(&id) else {
            return not_found();
        };
        if self.is_busy(id) {
            return error(422, "Droplet already has a pending event.");
        }
        let is_off = droplet.status == "off";
        let image = || {
            let known = |one: &super::world::Snapshot| json!(one.id) == body["image"];
            catalog::image(&body["image"]).is_some() || self.snapshots.iter().any(known)
        };
        let refused = match body["type"].as_str().unwrap_or_default() {
            "power_off" | "shutdown" if is_off => Some("Droplet is already powered off."),
            "power_on" if !is_off => Some("Droplet is already powered on."),
            "resize" if !is_off => Some("Droplet is powered on. Please power it off first."),
            "resize" => match catalog::size_of(&body["size"]) {
                None => Some("You specified an invalid size."),
                Some(size) if size.disk < droplet.disk => {
                    Some("This size is not available: its disk is smaller than the droplet's.")
                }
                Some(size) if size.slug == droplet.size.slug && size.disk == droplet.disk => {
                    Some("Droplet is already this size.")
                }
                Some(_) => None,
            },
            "rebuild" | "restore" if !image() => Some("You specified an invalid image."),
            _ => None,
        };
        if let Some(reason) = refused {
            return error(422, reason);
        }
        let action = self.begin(id, body.clone(), fails);
        (201, json!({ "action": self.shown_action(action) }))
    }

    pub(super) fn get_action(&self, id: u64) -> Reply {
        if self.actions.contains_key(&id) {
            (200, json!({ "action": self.shown_action(id) }))
        } else {
            not_found()
        }
    }

    /// The newest first.
    pub(super) fn list_actions(&self, droplet: u64, asked: &Asked) -> Reply {
        if !self.droplets.contains_key(&droplet) {
            return not_found();
        }
        let its = self.actions.iter().rev();
        let its = its.filter(|(_, action)| action.droplet == droplet);
        asked.page(
            "actions",
            its.map(|(id, _)| self.shown_action(*id)).collect(),
        )
    }

    fn shown_action(&self, id: u64) -> Value {
        let Some(action) = self.actions.get(&id) else {
            return Value::Null;
        };
        json!({
            "id": id,
            "status": action.status,
            "type": action.body["type"],
            "started_at": action.started_at,
            "completed_at": action.completed_at,
            "resource_id": action.droplet,
            "resource_type": "droplet",
            "region": catalog::region(&action.region),
            "region_slug": action.region,
        })
    }
}
