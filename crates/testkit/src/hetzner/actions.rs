//! What is done to a server: begun at once, ended with time.

use serde_json::{Value, json};

use super::calls::{Reply, error, invalid, not_found};
use super::catalog;
use super::world::{World, now};

// === impl World ===

impl World {
    pub(super) fn act(&mut self, id: u64, kind: &str, body: &Value, fails: bool) -> Reply {
        let locked = self.is_locked(id);
        let Some(server) = self.servers.get(&id) else {
            return not_found();
        };
        if locked {
            return error(423, "locked", "server is locked");
        }
        let is_off = server.status == "off";
        let mut body = body.clone();
        let command = match kind {
            "poweron" => "start_server",
            "poweroff" => "stop_server",
            "shutdown" => "shutdown_server",
            "reboot" => "reboot_server",
            "change_type" if !is_off => {
                return error(409, "server_not_stopped", "server must be stopped");
            }
            "change_type" => {
                let grows = body["upgrade_disk"] == json!(true);
                let fits = |sold: &catalog::ServerType| {
                    sold.architecture() == server.sold.architecture()
                        && sold.disk >= server.disk
                        && (grows || sold.name != server.sold.name)
                };
                if !catalog::server_type(&body["server_type"]).is_some_and(fits) {
                    return error(422, "invalid_server_type", "the server type does not fit");
                }
                "change_server_type"
            }
            "rebuild" => {
                let found = self.image(&body["image"]);
                let Some(found) = found.filter(|image| server.sold.fits(image)) else {
                    return invalid("image");
                };
                body["found"] = found;
                if let Some(server) = self.servers.get_mut(&id) {
                    server.status = "rebuilding";
                }
                "rebuild_server"
            }
            "create_image" => {
                let image = self.new_id();
                body["made"] = json!(image);
                let taken = self.snapshot(image, id, &body);
                self.images.insert(image, taken);
                "create_image"
            }
            _ => return not_found(),
        };
        let image = body["made"].as_u64();
        let action = self.begin(command, ("server", id), body, (fails, 1));
        let mut answer = json!({ "action": self.shown_action(action) });
        if let Some(image) = image {
            answer["image"] = self.images[&image].clone();
        }
        if kind == "rebuild" {
            answer["root_password"] = Value::Null;
        }
        (201, answer)
    }

    pub(super) fn get_action(&self, id: u64) -> Reply {
        if self.actions.contains_key(&id) {
            (200, json!({ "action": self.shown_action(id) }))
        } else {
            not_found()
        }
    }

    pub(super) fn actions_of(&self, server: u64) -> Vec<Value> {
        let its = self.actions.iter();
        let its = its.filter(|(_, action)| action.on == ("server", server));
        its.map(|(id, _)| self.shown_action(*id)).collect()
    }

    pub(super) fn shown_action(&self, id: u64) -> Value {
        let Some(action) = self.actions.get(&id) else {
            return Value::Null;
        };
        let error = (action.status == "error")
            .then(|| json!({ "code": "action_failed", "message": "Action failed" }));
        json!({
            "id": id, "command": action.command, "status": action.status, "started": action.started,
            "finished": action.finished, "progress": if action.status == "running" { 50 } else { 100 },
            "resources": [{ "id": action.on.1, "type": action.on.0 }], "error": error,
        })
    }

    fn snapshot(&self, image: u64, of: u64, body: &Value) -> Value {
        let server = &self.servers[&of];
        json!({
            "id": image, "type": "snapshot", "status": "creating", "name": null, "description": body["description"],
            "image_size": null, "disk_size": server.disk, "created": now(),
            "created_from": { "id": of, "name": server.name }, "bound_to": null, "os_flavor": "debian", "os_version": "12",
            "rapid_deploy": false, "protection": { "delete": false }, "deprecated": null, "deleted": null,
            "labels": body.get("labels").cloned().unwrap_or_else(|| json!({})),
            "architecture": server.sold.architecture(),
        })
    }
}
