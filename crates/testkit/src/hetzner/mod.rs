//! A stand-in of Hetzner Cloud's API: it keeps what it is told, takes a little time over it, and shows its faults on
//! request.
//!
//! Used by the tests of the driver, with a specification between the two, and by those of the binary. What must stay true:
//! its answers keep to the specification, and it knows nothing of who calls it. It runs on a thread of its own, so that it
//! serves tests with runtimes of their own.
//!
//! | file | what it owns |
//! |---|---|
//! | `world` | what there is, and what time does to it |
//! | `calls` | which call leads where |
//! | `servers`, `actions`, `belongings` | the answers: servers; what is done to them; keys, images, firewalls, networks |
//! | `catalog` | locations, server types, images, prices |

mod actions;
mod belongings;
mod calls;
mod catalog;
mod servers;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::Value;

use crate::serving;
use world::World;

/// The token that it accepts.
pub const TOKEN: &str = "hcloud0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW";

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// 429, with these headers, and no effect.
    Throttle(Vec<(&'static str, String)>),
    /// That status with that code, and no effect.
    Refuse(u16, &'static str),
    /// The effect, and that status all the same.
    FailAfter(u16),
    /// The effect, and no answer.
    HangUpAfter,
    /// The action begins, and ends in failure.
    FailAction,
    /// 200 with that body, whatever was asked.
    Answer(Value),
}

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// Its body; empty where there was none.
    pub body: String,
}

/// A running stand-in; shared by cloning. It runs until the process ends.
#[derive(Clone)]
pub struct StandIn {
    /// Where it listens.
    pub address: SocketAddr,
    world: Arc<Mutex<World>>,
}

// === impl StandIn ===

impl StandIn {
    /// Starts one on a free port of this machine.
    pub fn start() -> Self {
        let (listener, address) = serving::listen();
        let stand_in = Self {
            address,
            world: Arc::default(),
        };
        let router = Router::new()
            .fallback(calls::answer)
            .with_state(stand_in.clone());
        serving::serve(listener, router);
        stand_in
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How long an action takes.
    pub fn set_pace(&self, pace: Duration) {
        self.world().pace = pace;
    }

    /// How many servers the project may have.
    pub fn set_server_limit(&self, limit: usize) {
        self.world().server_limit = limit;
    }

    /// What each server's counters say from now on.
    pub fn set_traffic(&self, received: u64, sent: u64) {
        self.world().traffic = (received, sent);
    }

    /// Lets lists lag behind: a server that is gone is still shown by the next list in which it would be, and by the next
    /// one of the networks that it was in.
    pub fn let_lists_lag(&self) {
        self.world().lists_lag = true;
    }

    /// Protects a server or a snapshot from being deleted, or no more.
    pub fn set_protected(&self, id: u64, is_protected: bool) {
        let mut world = self.world();
        if is_protected {
            world.protected.insert(id);
        } else {
            world.protected.remove(&id);
        }
    }

    /// The ids of all snapshots.
    pub fn snapshot_ids(&self) -> Vec<u64> {
        self.world().images.keys().copied().collect()
    }

    /// Attaches a load balancer, of which there is nothing else here, to all networks.
    pub fn attach_load_balancer(&self) {
        let mut world = self.world();
        let id = world.new_id();
        for network in &mut world.networks {
            network["load_balancers"] = serde_json::json!([id]);
        }
    }

    /// Lets the next call of that method, whose path holds `path`, go wrong.
    pub fn fault(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.world().faults.push((method, path, fault));
    }

    /// The calls that came in, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// The names of all servers.
    pub fn servers(&self) -> Vec<String> {
        let world = self.world();
        let names = world.servers.values().map(|server| server.name.clone());
        names.collect()
    }

    /// The names of all firewalls.
    pub fn firewalls(&self) -> Vec<String> {
        named(&self.world().firewalls)
    }

    /// The names of all networks.
    pub fn networks(&self) -> Vec<String> {
        named(&self.world().networks)
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.world().keys.len()
    }

    /// The descriptions of all snapshots.
    pub fn snapshots(&self) -> Vec<String> {
        let world = self.world();
        let names = world.images.values().map(|image| &image["description"]);
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.catch_up();
        world
    }
}

fn named(all: &[Value]) -> Vec<String> {
    let names = all.iter().filter_map(|one| one["name"].as_str());
    names.map(str::to_owned).collect()
}
