//! What there is at the stand-in, and what time does to it.
//!
//! Every look first catches up with the clock: actions that are due have their effect then. What must stay true: a
//! droplet has one action under way at the most, as at DigitalOcean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Weak;
use std::time::{Duration, Instant};

use domain::time::Clock;
use serde_json::{Value, json};

use super::catalog::{self, Size};
use super::{Call, Fault};
use crate::body::{Bodies, Body, Order};

/// All of it.
pub(super) struct World {
    pub(super) pace: Duration,
    pub(super) droplet_limit: usize,
    pub(super) droplets: BTreeMap<u64, Droplet>,
    pub(super) actions: BTreeMap<u64, Action>,
    pub(super) keys: Vec<Value>,
    pub(super) tags: BTreeSet<String>,
    pub(super) firewalls: Vec<Value>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) faults: Vec<(&'static str, &'static str, Fault)>,
    pub(super) calls: Vec<Call>,
    pub(super) bodies: Option<Weak<Bodies>>,
    pub(super) lists_lag: bool,
    /// Droplets that are gone and are listed once more for each of their tags that is left here.
    pub(super) still_listed: Vec<(Value, BTreeSet<String>)>,
    last_id: u64,
}

pub(super) struct Droplet {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) size: &'static Size,
    /// In GiB; a size's own, or what is left of a smaller one's.
    pub(super) disk: u64,
    pub(super) image: Value,
    pub(super) status: &'static str,
    pub(super) tags: BTreeSet<String>,
    pub(super) created_at: String,
    /// When it is gone, once it is being destroyed.
    pub(super) gone_at: Option<Instant>,
    pub(super) body: Option<Body>,
}

pub(super) struct Action {
    pub(super) droplet: u64,
    pub(super) region: String,
    pub(super) status: &'static str,
    pub(super) body: Value,
    pub(super) fails: bool,
    pub(super) started_at: String,
    pub(super) completed_at: Option<String>,
    due_at: Instant,
}

pub(super) struct Snapshot {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) of: u64,
    pub(super) region: String,
    pub(super) disk: u64,
    pub(super) created_at: String,
}

pub(super) fn now() -> String {
    Clock::System.now().rfc3339()
}

// === impl World ===

impl Default for World {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(60),
            droplet_limit: 1000,
            droplets: BTreeMap::new(),
            actions: BTreeMap::new(),
            keys: Vec::new(),
            tags: BTreeSet::new(),
            firewalls: Vec::new(),
            snapshots: Vec::new(),
            faults: Vec::new(),
            calls: Vec::new(),
            bodies: None,
            lists_lag: false,
            still_listed: Vec::new(),
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
            .filter(|(_, action)| action.status == "in-progress" && action.due_at <= now)
            .filter(|(_, action)| self.is_at_rest(action.droplet))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.complete(id);
        }
        let gone = self.droplets.iter().filter(|(_, droplet)| {
            droplet.gone_at.is_some_and(|gone| gone <= now) && droplet.is_at_rest()
        });
        let gone: Vec<u64> = gone.map(|(id, _)| *id).collect();
        for id in gone {
            let shown = self.shown(id);
            let droplet = self.droplets.remove(&id);
            if let Some(droplet) = droplet.filter(|_| self.lists_lag) {
                self.still_listed.push((shown, droplet.tags));
            }
        }
    }

    fn is_at_rest(&self, droplet: u64) -> bool {
        self.droplets.get(&droplet).is_none_or(Droplet::is_at_rest)
    }

    /// Begins an action; its end comes with time.
    pub(super) fn begin(&mut self, droplet: u64, body: Value, fails: bool) -> u64 {
        let id = self.new_id();
        let on = self.droplets.get(&droplet);
        let region = on.map(|droplet| droplet.region.clone());
        if let Some(its) = on.and_then(|droplet| droplet.body.as_ref())
            && let Some(order) = order(&body["type"])
            && !fails
        {
            its.tell(order);
        }
        let action = Action {
            droplet,
            region: region.unwrap_or_default(),
            status: "in-progress",
            body,
            fails,
            started_at: now(),
            completed_at: None,
            due_at: Instant::now() + self.pace,
        };
        self.actions.insert(id, action);
        id
    }

    /// Whether another action is under way on a droplet.
    pub(super) fn is_busy(&self, droplet: u64) -> bool {
        let mut actions = self.actions.values();
        actions.any(|action| action.droplet == droplet && action.status == "in-progress")
    }

    /// Whether a snapshot is being taken of a droplet.
    pub(super) fn is_being_taken(&self, droplet: u64) -> bool {
        let mut actions = self.actions.values();
        actions.any(|action| {
            let is_snapshot = action.body["type"] == json!("snapshot");
            action.droplet == droplet && is_snapshot && action.status == "in-progress"
        })
    }

    fn complete(&mut self, id: u64) {
        let new_id = self.new_id();
        let Some(action) = self.actions.get_mut(&id) else {
            return;
        };
        action.completed_at = Some(now());
        action.status = if action.fails { "errored" } else { "completed" };
        let Some(droplet) = self.droplets.get_mut(&action.droplet) else {
            return;
        };
        if action.fails {
            return;
        }
        let body = &action.body;
        match body["type"].as_str().unwrap_or_default() {
            "power_off" | "shutdown" => droplet.status = "off",
            "create" | "power_on" | "reboot" | "power_cycle" => droplet.status = "active",
            "rename" => body["name"]
                .as_str()
                .unwrap_or_default()
                .clone_into(&mut droplet.name),
            "resize" => {
                if let Some(size) = catalog::size_of(&body["size"]) {
                    droplet.size = size;
                    if body["disk"] == json!(true) {
                        droplet.disk = size.disk;
                    }
                }
            }
            // A new disk is started from.
            "rebuild" | "restore" => {
                droplet.status = "active";
                if let Some(image) = catalog::image(&body["image"]) {
                    droplet.image = image;
                }
            }
            "snapshot" => self.snapshots.push(Snapshot {
                id: new_id,
                name: body["name"].as_str().unwrap_or_default().to_owned(),
                of: action.droplet,
                region: droplet.region.clone(),
                disk: droplet.disk,
                created_at: now(),
            }),
            _ => {}
        }
    }
}

// === impl Droplet ===

impl Droplet {
    /// Whether its body, where it has one, has done what it was told.
    fn is_at_rest(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_at_rest)
    }
}

/// What an action does to a body.
fn order(action: &Value) -> Option<Order> {
    match action.as_str()? {
        "shutdown" => Some(Order::ShutDown),
        "power_off" => Some(Order::PowerOff),
        "power_on" => Some(Order::PowerOn),
        "reboot" | "power_cycle" => Some(Order::Reboot),
        _ => None,
    }
}
