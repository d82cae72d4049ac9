//! What there is at the stand-in, and what time does to it.
//!
//! Every look first catches up with the clock: actions that are due have their effect then. What must stay true: a server is
//! locked while an action is under way on it, as at Hetzner.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::time::Clock;
use serde_json::{Value, json};

use super::catalog::{self, ServerType};
use super::{Call, Fault};

/// All of it.
pub(super) struct World {
    pub(super) pace: Duration,
    pub(super) server_limit: usize,
    /// Received and sent, of every server.
    pub(super) traffic: (u64, u64),
    pub(super) servers: BTreeMap<u64, Server>,
    pub(super) actions: BTreeMap<u64, Action>,
    /// Snapshots, as they are shown.
    pub(super) images: BTreeMap<u64, Value>,
    pub(super) keys: Vec<Value>,
    pub(super) firewalls: Vec<Value>,
    pub(super) networks: Vec<Value>,
    pub(super) faults: Vec<(&'static str, &'static str, Fault)>,
    pub(super) calls: Vec<Call>,
    pub(super) lists_lag: bool,
    /// The servers and snapshots that may not be deleted.
    pub(super) protected: BTreeSet<u64>,
    /// Servers that are gone and are listed once more; and the networks, with their servers, that still show some.
    pub(super) still_listed: Vec<Value>,
    pub(super) still_attached: Vec<(u64, u64)>,
    last_id: u64,
}

pub(super) struct Server {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) sold: &'static ServerType,
    /// In GB; a server type's own, or what is left of a smaller one's.
    pub(super) disk: u64,
    pub(super) image: Value,
    pub(super) status: &'static str,
    pub(super) labels: Value,
    pub(super) firewalls: Vec<u64>,
    pub(super) networks: Vec<u64>,
    pub(super) created: String,
}

pub(super) struct Action {
    pub(super) command: &'static str,
    /// `server`, `firewall` or `network`, and which.
    pub(super) on: (&'static str, u64),
    pub(super) status: &'static str,
    pub(super) body: Value,
    pub(super) fails: bool,
    pub(super) started: String,
    pub(super) finished: Option<String>,
    due_at: Instant,
}

pub(super) fn now() -> String {
    Clock::System.now().rfc3339()
}

// === impl World ===

impl Default for World {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(60),
            server_limit: 1000,
            traffic: (1_000, 2_000),
            servers: BTreeMap::new(),
            actions: BTreeMap::new(),
            images: BTreeMap::new(),
            protected: BTreeSet::new(),
            keys: Vec::new(),
            firewalls: Vec::new(),
            networks: Vec::new(),
            faults: Vec::new(),
            calls: Vec::new(),
            lists_lag: false,
            still_listed: Vec::new(),
            still_attached: Vec::new(),
            last_id: 1000,
        }
    }
}

impl World {
    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// What the clock has brought since the last look.
    pub(super) fn catch_up(&mut self) {
        let now = Instant::now();
        let due: Vec<u64> = self
            .actions
            .iter()
            .filter(|(_, action)| action.status == "running" && action.due_at <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.complete(id);
        }
    }

    /// Begins an action that takes as many times the pace; its end comes with time.
    pub(super) fn begin(
        &mut self,
        command: &'static str,
        on: (&'static str, u64),
        body: Value,
        (fails, paces): (bool, u32),
    ) -> u64 {
        let id = self.new_id();
        let action = Action {
            command,
            on,
            status: "running",
            body,
            fails,
            started: now(),
            finished: None,
            due_at: Instant::now() + self.pace * paces,
        };
        self.actions.insert(id, action);
        id
    }

    /// Whether an action is under way on a server.
    pub(super) fn is_locked(&self, server: u64) -> bool {
        let mut actions = self.actions.values();
        actions.any(|action| action.on == ("server", server) && action.status == "running")
    }

    fn complete(&mut self, id: u64) {
        let Some(action) = self.actions.get_mut(&id) else {
            return;
        };
        action.finished = Some(now());
        action.status = if action.fails { "error" } else { "success" };
        let (kind, on) = action.on;
        if action.fails || kind != "server" {
            return;
        }
        if action.command == "delete_server" {
            self.remove_server(on);
            return;
        }
        let Some(server) = self.servers.get_mut(&on) else {
            return;
        };
        let body = &action.body;
        match action.command {
            "stop_server" | "shutdown_server" => server.status = "off",
            "start_server" | "reboot_server" => server.status = "running",
            "change_server_type" => {
                if let Some(sold) = catalog::server_type(&body["server_type"]) {
                    server.sold = sold;
                    if body["upgrade_disk"] == json!(true) {
                        server.disk = sold.disk;
                    }
                }
            }
            // A new disk is started from.
            "rebuild_server" => {
                server.status = "running";
                server.image = body["found"].clone();
            }
            "create_image" => {
                let image = body["made"].as_u64().unwrap_or(0);
                if let Some(image) = self.images.get_mut(&image) {
                    image["status"] = json!("available");
                    image["image_size"] = json!(2.3);
                }
            }
            _ => {}
        }
    }
}
