//! A stand-in of DigitalOcean's API: it keeps what it is told, takes a little time over it, and shows its faults on
//! request. Its droplets can have bodies: containers that begin with their user data, and can be logged in to.
//!
//! Used by the tests of the driver, with DigitalOcean's own specification between the two, and by those of the binary.
//! What must stay true: its answers keep to the specification, and it knows nothing of who calls it. It runs on a thread
//! of its own, so that it serves tests with runtimes of their own.
//!
//! | file | what it owns |
//! |---|---|
//! | `world` | what there is, and what time does to it |
//! | `calls` | which call leads where |
//! | `droplets`, `actions`, `belongings` | the answers: droplets; what is done to them; keys, tags, firewalls, snapshots |
//! | `catalog` | regions, sizes, images |

mod actions;
mod belongings;
mod calls;
mod catalog;
mod droplets;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;

use crate::body::Bodies;
use crate::serving;
use world::World;

/// The token that it accepts.
pub const TOKEN: &str = "dop_v1_5ad0c7e2b94f4c1d8e6a7b3f2c9d0e1a";

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// 429, with these headers, and no effect.
    Throttle(Vec<(&'static str, String)>),
    /// That status, and no effect.
    Refuse(u16, &'static str),
    /// The effect, and that status all the same.
    FailAfter(u16),
    /// The effect, and no answer.
    HangUpAfter,
    /// The action begins, and ends in failure.
    FailAction,
    /// 200 with that body, whatever was asked.
    Answer(serde_json::Value),
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

/// A running stand-in; shared by cloning. It runs until the process ends; the bodies of its droplets go with the last of
/// these.
#[derive(Clone)]
pub struct StandIn {
    /// Where it listens.
    pub address: SocketAddr,
    world: Arc<Mutex<World>>,
    _bodies: Option<Arc<Bodies>>,
}

// === impl StandIn ===

impl StandIn {
    /// Starts one on a free port of this machine.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same, with a container of this machine's Incus for each droplet, which is switched and destroyed with it (a
    /// rebuild, a resize, a snapshot don't reach it). `None` where no Incus is; it says so then.
    pub fn with_bodies() -> Option<Self> {
        let bodies = Bodies::open()?;
        Some(Self::start_with(Some(Arc::new(bodies))))
    }

    fn start_with(bodies: Option<Arc<Bodies>>) -> Self {
        let (listener, address) = serving::listen();
        let stand_in = Self {
            address,
            world: Arc::default(),
            _bodies: None,
        };
        stand_in.world().bodies = bodies.as_ref().map(Arc::downgrade);
        let router = Router::new()
            .fallback(calls::answer)
            .with_state(stand_in.clone());
        serving::serve(listener, router);
        Self {
            _bodies: bodies,
            ..stand_in
        }
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How long an action takes.
    pub fn set_pace(&self, pace: Duration) {
        self.world().pace = pace;
    }

    /// How many droplets the account may have.
    pub fn set_droplet_limit(&self, limit: usize) {
        self.world().droplet_limit = limit;
    }

    /// Lets lists lag behind: a droplet that is gone is still shown by the next list of each of its tags.
    pub fn let_lists_lag(&self) {
        self.world().lists_lag = true;
    }

    /// Lets the next call of that method, whose path holds `path`, go wrong.
    pub fn fault(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.world().faults.push((method, path, fault));
    }

    /// The calls that came in, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// How many droplets there are.
    pub fn droplets(&self) -> usize {
        self.world().droplets.len()
    }

    /// The droplets as they are shown, whoever asks.
    pub fn shown(&self) -> Vec<serde_json::Value> {
        let world = self.world();
        world.droplets.keys().map(|id| world.shown(*id)).collect()
    }

    /// The names of all tags.
    pub fn tags(&self) -> Vec<String> {
        self.world().tags.iter().cloned().collect()
    }

    /// The names of all firewalls.
    pub fn firewalls(&self) -> Vec<String> {
        let named = |firewall: &serde_json::Value| firewall["name"].as_str().map(str::to_owned);
        self.world().firewalls.iter().filter_map(named).collect()
    }

    /// The names of all snapshots.
    pub fn snapshots(&self) -> Vec<String> {
        let world = self.world();
        let names = world.snapshots.iter().map(|snapshot| snapshot.name.clone());
        names.collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.catch_up();
        world
    }
}
