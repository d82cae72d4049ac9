//! What there is at the stand-in, and what time does to it.
//!
//! Every look first catches up with the clock: states that are due begin then. What must stay true: what is made is there
//! at once, and seen only when it has settled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Weak;
use std::time::{Duration, Instant};

use domain::random;
use domain::time::Clock;

use super::asked::Fields;
use super::{Access, Call, Fault, Seen};
use crate::body::{Bodies, Body, Order};

/// All of it.
pub(super) struct World {
    pub(super) pace: Duration,
    pub(super) image_pace: Duration,
    pub(super) volume_pace: Duration,
    pub(super) image_looks: usize,
    pub(super) settling: Duration,
    pub(super) memory: Duration,
    pub(super) latency: Duration,
    pub(super) page: usize,
    pub(super) instance_limit: usize,
    pub(super) access: Access,
    pub(super) session_token: Option<String>,
    /// By id.
    pub(super) instances: BTreeMap<String, Instance>,
    /// By region and client token: what was asked for under it, and the instance that came of it.
    pub(super) tokens: HashMap<(String, String), (Fields, String)>,
    pub(super) groups: Vec<Group>,
    pub(super) keys: Vec<Key>,
    pub(super) images: Vec<Image>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) faults: Vec<(&'static str, Fault)>,
    pub(super) decide: Option<Decide>,
    pub(super) calls: Vec<Call>,
    pub(super) bodies: Option<Weak<Bodies>>,
    made: u32,
}

/// Says of each call what goes wrong with it.
type Decide = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

/// Amazon's states, each with its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending = 0,
    Running = 16,
    ShuttingDown = 32,
    Terminated = 48,
    Stopping = 64,
    Stopped = 80,
}

pub(super) struct Instance {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) reservation: String,
    pub(super) kind: String,
    pub(super) image: String,
    pub(super) key: Option<String>,
    /// The ids of its security groups.
    pub(super) groups: Vec<String>,
    pub(super) subnet: String,
    pub(super) client_token: String,
    /// Whether Amazon may end it when it wants.
    pub(super) is_spot: bool,
    pub(super) metadata: (String, String),
    pub(super) tags: Tags,
    /// Its disks; the one that it starts from is the first.
    pub(super) volumes: Vec<Volume>,
    pub(super) state: State,
    /// What it is becoming, and when it is.
    pub(super) next: Option<(Instant, State)>,
    /// Why it is in its state: a code and words.
    pub(super) reason: Option<(&'static str, &'static str)>,
    pub(super) private_ip: String,
    /// Another one after every start; none while it is off.
    pub(super) public_ip: Option<String>,
    pub(super) launched_at: String,
    pub(super) made_at: String,
    pub(super) seen_from: Instant,
    /// Until when its network interface is in use after its end.
    pub(super) lingers_until: Option<Instant>,
    /// Since when it is terminated.
    pub(super) ended_at: Option<Instant>,
    /// Whether it may not be terminated.
    pub(super) is_protected: bool,
    /// Whether nothing is known of it any more.
    pub(super) is_forgotten: bool,
    pub(super) body: Option<Body>,
}

/// A disk of an instance.
pub(super) struct Volume {
    pub(super) id: String,
    pub(super) device: String,
    /// In GiB.
    pub(super) size: u64,
    pub(super) kind: String,
    pub(super) tags: BTreeMap<String, String>,
    /// Whether it goes with the instance.
    pub(super) goes: bool,
    /// The size that it is getting or got last, and when it has it.
    pub(super) change: Option<(u64, Instant)>,
}

/// Tags that are seen only when they have settled.
#[derive(Default)]
pub(super) struct Tags(BTreeMap<String, Tag>);

struct Tag {
    value: String,
    before: Option<String>,
    seen_from: Instant,
}

pub(super) struct Group {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) vpc: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) rules: Vec<Rule>,
    pub(super) seen_from: Instant,
}

/// What is let in: by one protocol, at some ports, from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) protocol: String,
    pub(super) ports: Option<(i32, i32)>,
    pub(super) from: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Group(String),
    V4(String),
    V6(String),
}

pub(super) struct Key {
    pub(super) region: String,
    pub(super) id: String,
    pub(super) name: String,
}

/// An image of the account's own.
pub(super) struct Image {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) name: String,
    /// What it brings; what an instance starts from is the first.
    pub(super) disks: Vec<Kept>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) made_at: String,
    pub(super) ready_at: Instant,
    /// How many looks do not see it yet.
    pub(super) unseen_by: usize,
}

/// A disk that an image brings.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) device: String,
    /// In GiB.
    pub(super) size: u64,
    pub(super) snapshot: String,
    /// Whether it goes with the instance, where the create does not say so itself.
    pub(super) goes: bool,
}

/// What is behind an image.
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) volume: String,
    pub(super) size: u64,
    pub(super) image: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) made_at: String,
}

/// Now, as Amazon writes it.
pub(super) fn now() -> String {
    let second = Clock::System.now().0 / 1_000_000 * 1_000_000;
    let text = domain::Timestamp(second).rfc3339();
    format!("{}.000Z", text.get(..19).unwrap_or_default())
}

/// An id such as `i-0123456789abcdef0`.
pub(super) fn new_id(kind: &str) -> String {
    format!("{kind}-0{}", random::hex::<8>())
}

// === impl World ===

impl Default for World {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(60),
            image_pace: Duration::ZERO,
            volume_pace: Duration::ZERO,
            image_looks: 0,
            settling: Duration::ZERO,
            memory: Duration::from_hours(1),
            latency: Duration::ZERO,
            page: 1000,
            instance_limit: 1000,
            access: Access::Whole,
            session_token: None,
            instances: BTreeMap::new(),
            tokens: HashMap::new(),
            groups: Vec::new(),
            keys: Vec::new(),
            images: Vec::new(),
            snapshots: Vec::new(),
            faults: Vec::new(),
            decide: None,
            calls: Vec::new(),
            bodies: None,
            made: 0,
        }
    }
}

impl World {
    /// What the clock has brought since the last look.
    pub(super) fn catch_up(&mut self) {
        let now = Instant::now();
        let (pace, memory) = (self.pace, self.memory);
        for instance in self.instances.values_mut() {
            while let Some((at, state)) = instance.next.filter(|(at, _)| *at <= now)
                && instance.body.as_ref().is_none_or(Body::is_at_rest)
            {
                instance.become_of(at, state, pace);
            }
            instance.fade(now, memory);
            for volume in &mut instance.volumes {
                volume.become_of(now);
            }
        }
    }

    /// What goes wrong with a call.
    pub(super) fn fault(&mut self, call: &Call) -> Option<Fault> {
        let at = self
            .faults
            .iter()
            .position(|(action, _)| *action == call.action);
        match at {
            Some(at) => Some(self.faults.remove(at).1),
            None => self.decide.as_mut()?(call),
        }
    }

    /// The next number, for addresses.
    pub(super) fn number(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    /// The instances of a region.
    pub(super) fn of(&self, region: &str) -> impl Iterator<Item = &Instance> {
        let all = self.instances.values();
        all.filter(move |instance| instance.region == region)
    }

    pub(super) fn settled(&self) -> Instant {
        Instant::now() + self.settling
    }
}

// === impl State ===

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

// === impl Instance ===

impl Instance {
    /// Whether it can be seen by now.
    pub(super) fn is_seen(&self) -> bool {
        self.seen_from <= Instant::now() && !self.is_forgotten
    }

    /// The disk that it starts from.
    pub(super) fn root(&self) -> &Volume {
        &self.volumes[0]
    }

    /// The disks that there are of it still.
    pub(super) fn disks(&self) -> impl Iterator<Item = &Volume> {
        let is_there = |volume: &&Volume| self.state != State::Terminated || !volume.goes;
        self.volumes.iter().filter(is_there)
    }

    /// Whether its network interface, and with it its security groups, are in use.
    pub(super) fn holds_groups(&self) -> bool {
        self.state != State::Terminated
            || self
                .lingers_until
                .is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            id: self.id.clone(),
            state: self.state.name(),
            client_token: self.client_token.clone(),
            tags: self.tags.all(),
            address: self.public_ip.clone(),
        }
    }

    /// Has an order carried out by its body, where it has one.
    pub(super) fn tell(&self, order: Order) {
        if let Some(body) = &self.body {
            body.tell(order);
        }
    }

    fn become_of(&mut self, at: Instant, state: State, pace: Duration) {
        self.state = state;
        self.next = None;
        match state {
            // A body has one address, and is reached by it from everywhere.
            State::Running => {
                if let Some(address) = self.body.as_ref().and_then(Body::address) {
                    self.private_ip = address.to_string();
                    self.public_ip = Some(address.to_string());
                }
            }
            State::Stopped => self.public_ip = None,
            State::Terminated => {
                self.public_ip = None;
                self.lingers_until = Some(at + pace);
                self.ended_at = Some(at);
            }
            _ => {}
        }
    }

    /// What is terminated is shown for so long, and without its tags in the second half of that.
    fn fade(&mut self, now: Instant, memory: Duration) {
        let Some(ended_at) = self.ended_at else {
            return;
        };
        if now >= ended_at + memory / 2 {
            self.tags = Tags::default();
        }
        self.is_forgotten |= now >= ended_at + memory;
    }
}

// === impl Volume ===

impl Volume {
    fn become_of(&mut self, now: Instant) {
        if let Some((size, _)) = self.change.filter(|(_, at)| *at <= now) {
            self.size = size;
        }
    }
}

// === impl Tags ===

impl Tags {
    /// Puts one on, to be seen from then on.
    pub(super) fn put(&mut self, key: &str, value: &str, seen_from: Instant) {
        let before = self.get(key).map(str::to_owned);
        let tag = Tag {
            value: value.to_owned(),
            before,
            seen_from,
        };
        self.0.insert(key.to_owned(), tag);
    }

    /// Takes one off.
    pub(super) fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// As they are seen by now.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let tag = self.0.get(key)?;
        if tag.seen_from <= Instant::now() {
            Some(&tag.value)
        } else {
            tag.before.as_deref()
        }
    }

    pub(super) fn shown(&self) -> BTreeMap<String, String> {
        let keys = self.0.keys();
        keys.filter_map(|key| Some((key.clone(), self.get(key)?.to_owned())))
            .collect()
    }

    /// As they are.
    fn all(&self) -> BTreeMap<String, String> {
        let all = self.0.iter();
        all.map(|(key, tag)| (key.clone(), tag.value.clone()))
            .collect()
    }
}
