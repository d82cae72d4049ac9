//! Bodies: real systems for the instances of a stand-in, so that a server there can be logged in to.
//!
//! Used by the stand-ins of public clouds. Each body is a container of this machine's Incus, from the image `debian/12`,
//! which begins with the user data that the create carried. What must stay true: an order returns at once and is carried
//! out after those before it, since a cloud answers while its instances come and go; and nothing is left behind when the
//! stand-in goes, be it by a test that failed.

use std::io::Read;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::random;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::incus;

/// How long a system may take to get an address, on a machine that is busy.
const ADDRESS_LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at what is on its way.
const LOOK: Duration = Duration::from_millis(50);
/// How compressed data begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How long a system may take to shut itself down before it is switched off.
const SHUTDOWN_SECS: &str = "20";

/// All bodies of one stand-in. Dropped, they are removed.
pub(crate) struct Bodies {
    prefix: String,
    /// How many are being made.
    in_the_making: Arc<AtomicUsize>,
}

/// One of them.
pub(crate) struct Body {
    orders: Sender<Order>,
    state: Arc<Mutex<State>>,
}

/// What is done to a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The system is asked to shut down.
    ShutDown,
    /// Its power is cut.
    PowerOff,
    /// It is switched on.
    PowerOn,
    /// It shuts down and comes up again.
    Reboot,
    /// It is removed.
    Destroy,
}

#[derive(Default)]
struct State {
    /// Orders that are not carried out yet, the start among them.
    waiting: usize,
    address: Option<Ipv4Addr>,
}

// === impl Bodies ===

impl Bodies {
    /// `None` where no Incus with the image answers and none was promised; it says so then.
    pub(crate) fn open() -> Option<Self> {
        if !incus::is_there() {
            return None;
        }
        let prefix = format!("body-{}-", random::hex::<4>());
        Some(Self {
            prefix,
            in_the_making: Arc::default(),
        })
    }

    /// Begins a body with this user data, which may be compressed.
    pub(crate) fn start(&self, id: &str, user_data: &[u8]) -> Body {
        let user_data = unpacked(user_data);
        let name = format!("{}{id}", self.prefix);
        let (orders, ordered) = channel();
        let state = Arc::new(Mutex::new(State {
            waiting: 1,
            address: None,
        }));
        let seen = Arc::clone(&state);
        self.in_the_making.fetch_add(1, Ordering::SeqCst);
        let in_the_making = Arc::clone(&self.in_the_making);
        std::thread::spawn(move || {
            make(&name, &user_data);
            in_the_making.fetch_sub(1, Ordering::SeqCst);
            live(&name, &ordered, &seen);
        });
        Body { orders, state }
    }

    /// The containers that there are of these, by their names.
    fn there(&self) -> Option<Vec<String>> {
        let all = incus::query("/1.0/instances?recursion=1")?;
        let names = all
            .as_array()?
            .iter()
            .filter_map(|one| one["name"].as_str());
        let ours = names.filter(|name| name.starts_with(&self.prefix));
        Some(ours.map(str::to_owned).collect())
    }
}

impl Drop for Bodies {
    fn drop(&mut self) {
        incus::clear(|| {
            // What is being made can't be deleted yet.
            let begun = Instant::now();
            while self.in_the_making.load(Ordering::SeqCst) > 0 && begun.elapsed() < ADDRESS_LIMIT {
                std::thread::sleep(LOOK);
            }
            self.there()
        });
    }
}

// === impl Body ===

impl Body {
    /// Adds an order to what is to be done to it.
    pub(crate) fn tell(&self, order: Order) {
        look(&self.state).waiting += 1;
        if self.orders.send(order).is_err() {
            // It is gone: there is nothing to be done.
            look(&self.state).waiting -= 1;
        }
    }

    /// Whether everything that it was told is done.
    pub(crate) fn is_at_rest(&self) -> bool {
        look(&self.state).waiting == 0
    }

    /// Its address, once it had one.
    pub(crate) fn address(&self) -> Option<Ipv4Addr> {
        look(&self.state).address
    }
}

/// As text, which is what Incus takes.
fn unpacked(user_data: &[u8]) -> String {
    let mut text = String::new();
    if user_data.starts_with(&GZIP) && GzDecoder::new(user_data).read_to_string(&mut text).is_ok() {
        return text;
    }
    String::from_utf8_lossy(user_data).into_owned()
}

fn look(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make(name: &str, user_data: &str) {
    let config = format!("cloud-init.user-data={user_data}");
    // A machine at a cloud has a kernel of its own, in which containers can run.
    let launched = [
        "launch",
        "debian/12",
        name,
        "-c",
        "security.nesting=true",
        "-c",
        &config,
    ];
    told(name, incus::run(&launched));
}

/// The life of a body that was made: it gets its address, and does what it is told.
fn live(name: &str, orders: &Receiver<Order>, state: &Mutex<State>) {
    settled(name, state);
    for order in orders {
        let done = match order {
            Order::ShutDown => stopped(name),
            Order::PowerOff => incus::run(&["stop", "--force", name]),
            Order::PowerOn => incus::run(&["start", name]),
            Order::Reboot => stopped(name).and_then(|_| incus::run(&["start", name])),
            Order::Destroy => incus::run(&["delete", "--force", name]),
        };
        told(name, done);
        match order {
            Order::PowerOn | Order::Reboot => settled(name, state),
            Order::ShutDown | Order::PowerOff | Order::Destroy => look(state).waiting -= 1,
        }
        if order == Order::Destroy {
            return;
        }
    }
}

fn stopped(name: &str) -> Result<Vec<u8>, String> {
    incus::run(&["stop", "--timeout", SHUTDOWN_SECS, name])
        .or_else(|_| incus::run(&["stop", "--force", name]))
}

/// It runs: what it was told is done once it has an address.
fn settled(name: &str, state: &Mutex<State>) {
    let begun = Instant::now();
    let address = loop {
        let found = address(name);
        if found.is_some() || begun.elapsed() > ADDRESS_LIMIT {
            break found;
        }
        std::thread::sleep(LOOK);
    };
    let mut state = look(state);
    state.waiting -= 1;
    state.address = address;
}

/// A test that waits for what did not come about reads here why.
fn told(name: &str, done: Result<Vec<u8>, String>) {
    if let Err(reason) = done {
        eprintln!("the body {name}: {reason}");
    }
}

fn address(name: &str) -> Option<Ipv4Addr> {
    let state = incus::query(&format!("/1.0/instances/{name}/state"))?;
    let addresses = state["network"]["eth0"]["addresses"].as_array()?;
    let global = |one: &&Value| one["family"] == "inet" && one["scope"] == "global";
    let found = addresses.iter().find(global)?;
    found["address"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn bodies_go_with_their_stand_in_also_when_its_test_fails() {
        let Some(bodies) = Bodies::open() else { return };
        let prefix = bodies.prefix.clone();
        let failed = catch_unwind(AssertUnwindSafe(move || {
            let _first = bodies.start("first", b"#cloud-config\n{}\n");
            let begun = Instant::now();
            while bodies.there().expect("Incus answers").is_empty() {
                assert!(begun.elapsed() < ADDRESS_LIMIT, "there is no body");
                std::thread::sleep(LOOK);
            }
            // This one is still on its way.
            let _second = bodies.start("second", b"");
            panic!("as a test fails");
        }));
        let message = failed.expect_err("it fails").downcast::<&str>();
        assert_eq!(*message.expect("words"), "as a test fails");
        let left = Bodies {
            prefix,
            in_the_making: Arc::default(),
        };
        assert_eq!(left.there(), Some(Vec::new()));
    }

    #[test]
    fn user_data_is_read_compressed_and_as_it_is() {
        let text = "#cloud-config\n{}\n";
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).expect("is packed");
        assert_eq!(unpacked(&encoder.finish().expect("is packed")), text);
        assert_eq!(unpacked(text.as_bytes()), text);
    }
}
