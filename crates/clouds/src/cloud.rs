//! The trait that a cloud's driver implements, its neutral types, and the classes of its errors.
//!
//! Architecture invariants: a driver keeps no state that a restart would lose; it never retries a changing call by
//! itself (the runner decides, by [`ErrorClass`]); each HTTP call takes a permit of its [`Budget`](crate::Budget).

use std::time::Duration;

use async_trait::async_trait;
use domain::offer::Capacity;
use domain::server::Power;
use domain::{Image, Plan, Region, Timestamp};
use futures::stream::BoxStream;
use secrecy::SecretString;

/// What a driver's call returns.
pub type CloudResult<T> = Result<T, CloudError>;

/// What a cloud's refusal means for the caller. One table in `control::operations` maps it to fail, retry or verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Understood and refused; the same call will be refused again.
    Rejected,
    /// The credentials are not accepted; nothing that was listed with them counts.
    Auth,
    /// The account's own limit at the cloud is reached.
    Quota,
    /// There is no such instance, or not yet.
    NotFound,
    /// Too many calls; try again after this long.
    Throttled(Duration),
    /// The cloud can't answer now, and the call had no effect.
    Unavailable,
    /// The call may have had its effect: look before trying again.
    OutcomeUnknown,
    /// This cloud can't do that; the message says why in a user's words.
    Unsupported,
}

/// A cloud's refusal: what class, and the cloud's own reason in words that a user may read. Never holds a secret.
#[derive(Debug, Clone)]
pub struct CloudError {
    /// What it means for the caller.
    pub class: ErrorClass,
    /// The cloud's reason.
    pub message: String,
}

/// Who owns an instance: written to the cloud with the create itself, so that nothing made is ever forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Which Arcus: two of them may share a cloud account.
    pub installation: String,
    /// Which server: unique, stored before the create is sent.
    pub token: String,
}

/// The address of an instance for all later calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRef {
    /// The region that it is in.
    pub region: String,
    /// The cloud's own id.
    pub id: String,
}

/// Everything that a create needs.
#[derive(Debug, Clone)]
pub struct CreateInstance {
    /// Whose it is.
    pub tag: Tag,
    /// The name tag; a driver shortens it where the cloud allows less.
    pub name: String,
    /// Where.
    pub region: String,
    /// How large.
    pub plan: Plan,
    /// From what.
    pub image: Image,
    /// cloud-init user data, nothing secret in it.
    pub user_data: String,
    /// Public keys in OpenSSH's format, for clouds that keep keys of their own.
    pub public_keys: Vec<String>,
    /// Ports to be reachable from outside, for clouds with a firewall.
    pub ports: Vec<u16>,
    /// What its neighbours bear as well: instances of one group reach one another at every port, whatever firewall the
    /// cloud has. Letters, digits and `-`, unique within the account.
    pub group: String,
    /// Whether nothing of its group was made before, as far as is known: what the group needs may be made without a look for
    /// it. It may be there all the same.
    pub is_first: bool,
    /// Whether containers will run inside (Docker).
    pub nesting: bool,
    /// What its disk begins as, instead of the image: it gets an identity of its own all the same. One that is gone is
    /// [`ErrorClass::Rejected`].
    pub snapshot: Option<SnapshotRef>,
}

/// The address of a group of instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRef {
    /// The region that it is in.
    pub region: String,
    /// Its name, as in [`CreateInstance::group`].
    pub name: String,
}

/// The address of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRef {
    /// Of which instance.
    pub of: InstanceRef,
    /// Its name, unique within the instance.
    pub name: String,
}

/// An instance as the cloud shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its address.
    pub at: InstanceRef,
    /// Its name tag, whole.
    pub name: String,
    /// Whose it is; `None` where no tag of any Arcus is on it.
    pub tag: Option<Tag>,
    /// What it is doing.
    pub power: Power,
    /// The address that others reach it by; on a private network the same as `private_ip`.
    pub public_ip: Option<String>,
    /// Its address on the cloud's network.
    pub private_ip: Option<String>,
    /// The network that it is in, as far as this answer tells: that of [`Cloud::wait`] for [`Until::Running`] tells all that the
    /// cloud can say.
    pub network: Network,
    /// The slug of its size, where the cloud has sizes of its own.
    pub plan: Option<String>,
    /// When it was made, by the cloud's clock.
    pub created_at: Option<Timestamp>,
}

/// What a cloud has to sell.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// Its regions.
    pub regions: Vec<Region>,
    /// Its sizes; empty where the operator's own plans are used.
    pub plans: Vec<Plan>,
    /// Its images; empty where the operator's own images are used.
    pub images: Vec<Image>,
    /// The code of the currency that its sizes' prices are in; `None` where it asks for no money.
    pub currency: Option<String>,
}

/// A snapshot of an instance's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name, unique within the instance.
    pub name: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// How much room it takes, where the cloud says so.
    pub size_bytes: Option<u64>,
}

/// The network that an instance is in, as its owner would have to configure it by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The netmask of its IPv4 address, such as `255.255.255.0`.
    pub netmask: Option<String>,
    /// The way out of its IPv4 network.
    pub gateway: Option<String>,
    /// Its global IPv6 address.
    pub ipv6: Option<String>,
}

/// Bytes since the counters began, by the cloud's own counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// Which counters these are. Others, after a start for example, have another mark and began at nothing.
    pub epoch: String,
    /// Received by the instance.
    pub received_bytes: u64,
    /// Sent by the instance.
    pub sent_bytes: u64,
}

/// What [`Cloud::wait`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Running, with an address.
    Running,
    /// Switched off.
    Stopped,
    /// Gone.
    Gone,
}

/// A call that would change something at a cloud, made or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewedCall {
    /// As the cloud's own documentation names it, such as `RunInstances` or `DELETE /v2/droplets/7`.
    pub call: String,
    /// What it does, in a user's words.
    pub does: String,
}

/// How to work inside a cloud's instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// A real system: cloud-init runs in it, and SSH reaches it.
    Ssh,
    /// A simulated one: [`Cloud::guest_report`] says what cloud-init would have said.
    Simulated,
}

/// Something changed at the cloud: the reconcilers should look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The instance's id, where the event names one.
    pub id: Option<String>,
}

/// One cloud account, or one of the operator's own regions.
///
/// Calls that change power return when the cloud has accepted them; [`wait`](Self::wait) tells when they are done.
/// What is already so is a success. Errors: every method may fail with any [`ErrorClass`].
#[async_trait]
pub trait Cloud: Send + Sync + 'static {
    /// How to work inside its instances.
    fn guest(&self) -> Guest {
        Guest::Ssh
    }

    /// How long a new instance may stay unseen by find, get and list: nothing is concluded from its absence before.
    async fn settling(&self) -> Duration {
        Duration::ZERO
    }

    /// Checks that the credentials are accepted.
    async fn check(&self) -> CloudResult<()>;

    /// What it sells, live.
    async fn offer(&self) -> CloudResult<Offer>;

    /// Makes and starts an instance. Where the cloud knows the token already, the instance that is there is returned,
    /// if the cloud can do that; callers look by [`find`](Self::find) before they call it again all the same.
    async fn create(&self, request: &CreateInstance) -> CloudResult<Instance>;

    /// The instances that bear this tag: none, one, or, after a fault that no cloud excludes, several.
    async fn find(&self, region: &str, tag: &Tag) -> CloudResult<Vec<Instance>>;

    /// One instance as it is now.
    async fn get(&self, at: &InstanceRef) -> CloudResult<Instance>;

    /// All instances of a region that bear a tag of this installation.
    async fn list(&self, region: &str, installation: &str) -> CloudResult<Vec<Instance>>;

    /// Switches on.
    async fn start(&self, at: &InstanceRef) -> CloudResult<()>;

    /// Switches off: asks the system first, and cuts the power when `force` is set.
    async fn stop(&self, at: &InstanceRef, force: bool) -> CloudResult<()>;

    /// Restarts.
    async fn reboot(&self, at: &InstanceRef) -> CloudResult<()>;

    /// Gives an instance that is about to be destroyed its last name; may switch it off. Returns its address, which
    /// some clouds change with the name.
    async fn retire(&self, at: &InstanceRef, name: &str) -> CloudResult<InstanceRef>;

    /// Destroys, running or not. What is on its way out is a success; what is gone is a success or
    /// [`ErrorClass::NotFound`], as the cloud has it. Neither says that it is gone: [`wait`](Self::wait) does. What it leaves
    /// behind goes afterwards, by [`clear_gone`](Self::clear_gone): a cloud may refuse to end it.
    async fn destroy(&self, at: &InstanceRef) -> CloudResult<()>;

    /// Deletes the snapshots that Arcus took of an instance which is gone, whoever destroyed it, where they outlive it. All of
    /// them are tried. Errors: one that names whatever stays; `Unavailable` where a later try may help.
    async fn clear_gone(&self, _at: &InstanceRef) -> CloudResult<()> {
        Ok(())
    }

    /// The calls that [`clear_gone`](Self::clear_gone) would make.
    async fn preview_clear_gone(&self, _at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        Ok(Vec::new())
    }

    /// Takes away what the cloud keeps for a group of instances, such as its firewall, once none of them is left. Where some
    /// are left, or nothing is kept, nothing happens. Where it is in use for a moment still after the last of them, it is
    /// [`ErrorClass::Unavailable`]. A create that comes at the same moment makes it anew.
    async fn clear_group(&self, _region: &str, _group: &str) -> CloudResult<()> {
        Ok(())
    }

    /// The calls that creating all of these would make, one after the other, and nothing else: those that change something,
    /// in their order. Looks, and changes nothing. What a create would be refused for before it is sent, this is as well.
    async fn preview_create(&self, requests: &[CreateInstance]) -> CloudResult<Vec<PreviewedCall>>;

    /// The same for retiring and destroying these, and for clearing their group where they are its last.
    async fn preview_destroy(
        &self,
        instances: &[InstanceRef],
        group: Option<&GroupRef>,
    ) -> CloudResult<Vec<PreviewedCall>>;

    /// The calls that [`adopt`](Self::adopt) would make of an instance that bears no tag.
    async fn preview_adopt(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>>;

    /// Puts a found instance under our tag.
    async fn adopt(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()>;

    /// The calls that [`release`](Self::release) would make of an instance that bears our tag.
    async fn preview_release(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>>;

    /// Takes our tag off an instance and leaves it as it is otherwise: it is nobody's then. One without a tag is so already.
    async fn release(&self, at: &InstanceRef) -> CloudResult<()>;

    /// Changes the size, in place where the cloud can. May leave it switched off. A disk that would be smaller than
    /// what is on it, and one of which nobody can tell that, is [`ErrorClass::Rejected`], with nothing changed.
    async fn resize(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()>;

    /// Reinstalls from an image; the address stays. May leave it switched off. `nesting` as in a create: whether
    /// containers will run inside the new system.
    ///
    /// `mark` names this very change: asked for again under the mark of the instance's last one, as after a crash that
    /// lost the answer, it is not done again, since that would throw away what was written in between.
    async fn rebuild(
        &self,
        at: &InstanceRef,
        image: &Image,
        user_data: &str,
        nesting: bool,
        mark: &str,
    ) -> CloudResult<()>;

    /// Sets a user's password inside, and lets the user log in with it, by SSH too. The password comes as a hash in
    /// crypt(3)'s format ([`password::check`](crate::password::check)): nobody needs to keep the password itself.
    async fn set_password(
        &self,
        at: &InstanceRef,
        user: &str,
        password_hash: &SecretString,
    ) -> CloudResult<()>;

    /// Takes a snapshot of that name.
    async fn create_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()>;

    /// The instance's snapshots: those that are whole. One that is just being taken is waited for.
    async fn snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>>;

    /// Puts the disk back to a snapshot, and nothing else: owner, name and size stay. May leave it switched off. `mark` as
    /// in [`rebuild`](Self::rebuild).
    async fn restore_snapshot(&self, at: &InstanceRef, name: &str, mark: &str) -> CloudResult<()>;

    /// Deletes a snapshot.
    async fn destroy_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()>;

    /// How many bytes of its disk an instance uses; `None` where the cloud can't say.
    async fn disk_usage(&self, _at: &InstanceRef) -> CloudResult<Option<u64>> {
        Ok(None)
    }

    /// What a region's machines have; `None` where the cloud sells without end.
    async fn capacity(&self) -> CloudResult<Option<Capacity>> {
        Ok(None)
    }

    /// The traffic counters.
    async fn traffic(&self, at: &InstanceRef) -> CloudResult<Traffic>;

    /// What the console printed last.
    async fn console_log(&self, at: &InstanceRef) -> CloudResult<String>;

    /// What cloud-init would have said in a simulated instance: its log, or why it failed.
    async fn guest_report(&self, _at: &InstanceRef) -> CloudResult<Result<String, String>> {
        Err(CloudError::unsupported("real instances are asked over SSH"))
    }

    /// Whether a copy that a person makes of an instance bears the same tag: then not all that bears it is ours.
    fn copies_bear_tags(&self) -> bool {
        false
    }

    /// Changes made by anyone, as the cloud reports them; `None` where the cloud has no such stream.
    async fn changes(&self) -> Option<BoxStream<'static, Change>> {
        None
    }

    /// Waits until an instance is what `until` says, or `timeout` is over ([`ErrorClass::Unavailable`]).
    ///
    /// This one asks again and again, less often as time goes by; a driver whose cloud reports changes overrides it.
    async fn wait(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut pause = Duration::from_millis(100);
        loop {
            let seen = match self.get(at).await {
                Ok(instance) => instance,
                Err(error) if error.class == ErrorClass::NotFound && until == Until::Gone => {
                    return Ok(Instance::gone(at));
                }
                // Just after a create, "not found" means "not yet".
                Err(error) if error.class == ErrorClass::NotFound && until == Until::Running => {
                    Instance::pending(at)
                }
                Err(error) => return Err(error),
            };
            if until.holds(&seen) {
                return Ok(seen);
            }
            if tokio::time::Instant::now() + pause > deadline {
                return Err(until.timed_out(timeout, seen.power));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_secs(5));
        }
    }
}

/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 1000;

// === impl CloudError ===

impl CloudError {
    /// An error of that class with the cloud's reason, as much of it as a user would read: it is stored at every try.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(LONGEST_REASON) {
            message.truncate(end);
            message.push('…');
        }
        Self { class, message }
    }

    /// What this cloud can't do, and why.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Unsupported, message)
    }

    /// There is no such instance.
    pub fn not_found(at: &InstanceRef) -> Self {
        Self::new(
            ErrorClass::NotFound,
            format!("there is no instance {} in {}", at.id, at.region),
        )
    }
}

impl std::fmt::Display for CloudError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CloudError {}

// === impl PreviewedCall ===

impl PreviewedCall {
    /// A call, and what it does.
    pub fn new(call: impl Into<String>, does: impl Into<String>) -> Self {
        Self {
            call: call.into(),
            does: does.into(),
        }
    }
}

// === impl Instance ===

impl Instance {
    /// What is left of an instance that is gone: its address.
    pub fn gone(at: &InstanceRef) -> Self {
        Self::bare(at, Power::Terminated)
    }

    /// An instance that was asked for and can't be seen yet.
    pub fn pending(at: &InstanceRef) -> Self {
        Self::bare(at, Power::Pending)
    }

    fn bare(at: &InstanceRef, power: Power) -> Self {
        Self {
            at: at.clone(),
            name: String::new(),
            tag: None,
            power,
            public_ip: None,
            private_ip: None,
            network: Network::default(),
            plan: None,
            created_at: None,
        }
    }

    /// The address to reach it by from outside, else from inside.
    pub fn address(&self) -> Option<&str> {
        self.public_ip.as_deref().or(self.private_ip.as_deref())
    }
}

// === impl Until ===

impl Until {
    /// Whether an instance is what was waited for.
    pub fn holds(self, seen: &Instance) -> bool {
        match self {
            Self::Running => seen.power == Power::Running && seen.address().is_some(),
            Self::Stopped => seen.power == Power::Stopped,
            Self::Gone => seen.power == Power::Terminated,
        }
    }

    /// The error for a wait that took too long.
    pub fn timed_out(self, timeout: Duration, power: Power) -> CloudError {
        let wanted = match self {
            Self::Running => "running with an address",
            Self::Stopped => "stopped",
            Self::Gone => "gone",
        };
        CloudError::new(
            ErrorClass::Unavailable,
            format!(
                "the instance is not {wanted} after {} s; it is {}",
                timeout.as_secs(),
                power.as_str()
            ),
        )
    }
}
