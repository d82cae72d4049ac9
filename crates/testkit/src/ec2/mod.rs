//! A stand-in of Amazon EC2's Query API: it keeps what it is told, takes its time over it, shows what is new only after a
//! while, and has the faults that Amazon has and other imitations don't.
//!
//! Its instances can have bodies: containers that begin with their user data, and can be logged in to.
//!
//! Used by the tests of the driver and by those of the binary. What must stay true: its answers have the shapes of Amazon's
//! own service description, for API version 2016-11-15; what is not signed with the right key has no effect; a call that has
//! arrived has its effect, whether or not its caller is still there; and it knows nothing of who calls it. It runs on a
//! thread of its own, so that it serves tests with runtimes of their own.
//!
//! | file | what it owns |
//! |---|---|
//! | `world` | what there is, and what time does to it |
//! | `calls`, `asked`, `signature` | a call: its way in, its parameters, who sent it |
//! | `instances`, `power`, `disks`, `networks`, `catalog` | the answers |
//! | `xml` | how they are written |

mod asked;
mod calls;
mod catalog;
mod disks;
mod instances;
mod networks;
mod power;
mod signature;
mod world;
mod xml;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;

use crate::body::Bodies;
use crate::serving;
use asked::Asked;
use world::World;

/// The access key that it knows.
pub const ACCESS_KEY: &str = "AKIASTANDINQ7WZ3KXNV";
/// The secret that belongs to it.
pub const SECRET_KEY: &str = "stand-in/Yt3+KcW7zRbM2xHdJ5sLgP9fEuA1oTiQ4aB";

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// That status and that code, and no effect.
    Refuse(u16, &'static str),
    /// 503 `RequestLimitExceeded`, with so many seconds in `Retry-After` or without it, and no effect.
    Throttle(Option<u64>),
    /// The effect, and 500 `InternalError` all the same.
    FailAfter,
    /// No effect: the connection ends.
    HangUpBefore,
    /// The effect, and the connection ends without an answer.
    HangUpAfter,
    /// The effect, and the connection ends in the middle of the answer.
    CutAfter,
    /// The instance is made, and ends while it starts: `Server.InternalError`.
    EndAtOnce,
}

/// What the account's credentials are good for at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Whole,
    /// Nothing: the key is not known any more (`AuthFailure`).
    Revoked,
    /// Nothing: they are over (`RequestExpired`).
    Expired,
    /// Nothing: the session token is over (`ExpiredToken`).
    TokenExpired,
    /// Nothing: no policy allows anything (`UnauthorizedOperation`).
    Denied,
    /// Everything but that action (`UnauthorizedOperation`).
    Without(&'static str),
}

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its action.
    pub action: String,
    /// The region that it was signed for.
    pub region: String,
    /// Its parameters, without the action and the version.
    pub fields: BTreeMap<String, String>,
    /// The code of the refusal; `None` where it was done, and where its caller was hung up on.
    pub refused: Option<String>,
}

/// An instance as it is, whatever a call would show of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// Its state, such as `running`.
    pub state: &'static str,
    /// The token that the call which made it had.
    pub client_token: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its public address, while it has one.
    pub address: Option<String>,
}

/// A running stand-in; shared by cloning. It runs until the process ends; the bodies of its instances go with the last of
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

    /// The same, with a container of this machine's Incus for each instance, which is switched and terminated with it (a
    /// change of type and an image don't reach it). `None` where no Incus is; it says so then.
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

    /// How long an instance takes from one state to the next, and its network interface to go after it.
    pub fn set_pace(&self, pace: Duration) {
        self.world().pace = pace;
    }

    /// How long an image is being made.
    pub fn set_image_pace(&self, pace: Duration) {
        self.world().image_pace = pace;
    }

    /// How long a disk takes to become larger: it shows its old size, and takes no other change.
    pub fn set_volume_pace(&self, pace: Duration) {
        self.world().volume_pace = pace;
    }

    /// How many looks at images see nothing of a new one.
    pub fn set_image_looks(&self, looks: usize) {
        self.world().image_looks = looks;
    }

    /// Lets all images be made that are just being made.
    pub fn finish_images(&self) {
        for image in &mut self.world().images {
            image.ready_at = Instant::now();
        }
    }

    /// How long what is new stays unseen: instances, security groups, tags.
    pub fn set_settling(&self, settling: Duration) {
        self.world().settling = settling;
    }

    /// How long a terminated instance is shown still: without its tags in the second half of that, and not found after it.
    pub fn set_memory(&self, memory: Duration) {
        self.world().memory = memory;
    }

    /// How long a call takes: half of it before its effect, half of it after.
    pub fn set_latency(&self, latency: Duration) {
        self.world().latency = latency;
    }

    /// The most that a page holds, whatever a call asks for.
    pub fn set_page(&self, most: usize) {
        self.world().page = most;
    }

    /// How many instances the account may have.
    pub fn set_instance_limit(&self, limit: usize) {
        self.world().instance_limit = limit;
    }

    /// Whether termination protection is on for an instance.
    pub fn set_protected(&self, id: &str, is_protected: bool) {
        if let Some(instance) = self.world().instances.get_mut(id) {
            instance.is_protected = is_protected;
        }
    }

    /// Lets the disks of an instance stay when it is terminated.
    pub fn keep_disks(&self, id: &str) {
        if let Some(instance) = self.world().instances.get_mut(id) {
            for volume in &mut instance.volumes {
                volume.goes = false;
            }
        }
    }

    /// What the credentials are good for from now on.
    pub fn set_access(&self, access: Access) {
        self.world().access = access;
    }

    /// From now on the keys are temporary ones: a call has to bear that session token.
    pub fn set_session_token(&self, token: &str) {
        self.world().session_token = Some(token.to_owned());
    }

    /// Lets the next call of that action go wrong.
    pub fn fault(&self, action: &'static str, fault: Fault) {
        self.world().faults.push((action, fault));
    }

    /// Lets `decide` say of each call what goes wrong with it; it is asked in the order in which they come in.
    pub fn set_faults(&self, decide: impl FnMut(&Call) -> Option<Fault> + Send + 'static) {
        self.world().decide = Some(Box::new(decide));
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        let mut world = self.world();
        world.decide = None;
        world.faults.clear();
    }

    /// The calls that came in, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// How many calls of an action came in.
    pub fn count(&self, action: &str) -> usize {
        let world = self.world();
        world
            .calls
            .iter()
            .filter(|call| call.action == action)
            .count()
    }

    /// What a call would be answered by now, without a signature, a trace or a fault: what a test looks at itself.
    pub fn ask(&self, region: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let asked = Asked {
            action: action.to_owned(),
            region: region.to_owned(),
            fields: fields.iter().copied().collect(),
        };
        match calls::route(&mut self.world(), &asked, false) {
            Ok(answer) => answer,
            Err(refusal) => panic!("{action}: {refusal:?}"),
        }
    }

    /// All instances that there ever were.
    pub fn instances(&self) -> Vec<Seen> {
        let world = self.world();
        world
            .instances
            .values()
            .map(world::Instance::seen)
            .collect()
    }

    /// Those that may cost money: pending, running, stopping, stopped, or on their way out.
    pub fn living(&self) -> Vec<Seen> {
        let mut all = self.instances();
        all.retain(|instance| instance.state != "terminated");
        all
    }

    /// The names of all security groups.
    pub fn groups(&self) -> Vec<String> {
        let world = self.world();
        world
            .groups
            .iter()
            .map(|group| group.name.clone())
            .collect()
    }

    /// The names of all key pairs.
    pub fn keys(&self) -> Vec<String> {
        let world = self.world();
        world.keys.iter().map(|key| key.name.clone()).collect()
    }

    /// The names of all images of the account's own.
    pub fn images(&self) -> Vec<String> {
        let world = self.world();
        world
            .images
            .iter()
            .map(|image| image.name.clone())
            .collect()
    }

    /// The ids of all disks, attached or not.
    pub fn volumes(&self) -> Vec<String> {
        let world = self.world();
        let all = world.instances.values();
        all.flat_map(world::Instance::disks)
            .map(|disk| disk.id.clone())
            .collect()
    }

    /// The ids of all snapshots of disks.
    pub fn snapshots(&self) -> Vec<String> {
        let world = self.world();
        world
            .snapshots
            .iter()
            .map(|snapshot| snapshot.id.clone())
            .collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.catch_up();
        world
    }
}
