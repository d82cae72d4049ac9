//! Servers.

use control::servers::{Extras, NewFromSnapshot, NewServer, ServerView, State, hostname, tags};
use domain::{Error, ServerId, SnapshotId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::numbers::{Key, Texts};

/// A server to be made.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateServerRequest {
    pub(crate) name: String,
    /// A region's slug.
    pub(crate) region: String,
    /// A package's slug.
    pub(crate) package: String,
    /// An image's slug.
    pub(crate) image: String,
    #[serde(flatten)]
    pub(crate) extras: ExtrasRequest,
}

/// A server to be made from a snapshot.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateFromSnapshotRequest {
    pub(crate) name: String,
    /// A package's slug.
    pub(crate) package: String,
    pub(crate) snapshot_id: Key,
    /// The snapshot's server.
    pub(crate) id: Option<Key>,
    /// Another name of `id`.
    pub(crate) subscription_id: Option<Key>,
    #[serde(flatten)]
    pub(crate) extras: ExtrasRequest,
}

/// What need not be said of a new server.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ExtrasRequest {
    pub(crate) hostname: Option<String>,
    /// The fingerprint of a key.
    pub(crate) ssh_key: Option<Texts>,
    /// The fingerprints of keys.
    pub(crate) ssh_keys: Option<Texts>,
    /// cloud-init user data in Base64.
    #[schema(value_type = Option<String>)]
    pub(crate) user_data: Option<SecretString>,
    pub(crate) tags: Option<Texts>,
}

/// A server, by either name of its id.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ServerRequest {
    pub(crate) id: Option<Key>,
    /// Another name of `id`.
    pub(crate) subscription_id: Option<Key>,
}

/// A server and one of its snapshots.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RestoreRequest {
    pub(crate) id: Option<Key>,
    /// Another name of `id`.
    pub(crate) subscription_id: Option<Key>,
    pub(crate) snapshot_id: Key,
}

/// A server and the image of its new system.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ReinstallRequest {
    pub(crate) id: Option<Key>,
    /// Another name of `id`.
    pub(crate) subscription_id: Option<Key>,
    /// An image's slug; the server's own where absent.
    pub(crate) image: Option<String>,
}

/// A server and its next package.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpgradeRequest {
    pub(crate) id: Option<Key>,
    /// Another name of `id`.
    pub(crate) subscription_id: Option<Key>,
    /// A package's slug.
    pub(crate) package: String,
    /// `upgrade` or `downgrade`; as the packages are where absent.
    #[serde(rename = "type")]
    pub(crate) direction: Option<String>,
}

/// A server.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerResponse {
    id: i64,
    name: String,
    cpu: u32,
    /// In GB.
    memory: u64,
    /// In GB.
    disk: u64,
    /// In TB a month.
    bandwidth: u32,
    state: &'static str,
    region: String,
    image: String,
    package: String,
    networks: NetworksResponse,
    created_at: String,
    /// The events that are under way.
    active_events: Vec<i64>,
    hostname: String,
    tags: Vec<String>,
    /// Why its state is `Error`, or what differs from what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Where a server is reached.
#[derive(Serialize, ToSchema)]
struct NetworksResponse {
    v4: AddressResponse,
    /// The IPv6 address; empty where there is none.
    v6: String,
}

/// An IPv4 address; empty texts for what is not known yet.
#[derive(Serialize, ToSchema)]
struct AddressResponse {
    ip: String,
    netmask: String,
    gateway: String,
}

/// A new password, which can be read this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordResponse {
    pub(crate) event_id: i64,
    pub(crate) password: String,
}

// === impl CreateServerRequest ===

impl TryFrom<CreateServerRequest> for NewServer {
    type Error = Error;

    fn try_from(request: CreateServerRequest) -> Result<Self, Error> {
        Ok(Self {
            name: request.name,
            region: request.region,
            plan: request.package,
            image: request.image,
            extras: request.extras.try_into()?,
        })
    }
}

// === impl CreateFromSnapshotRequest ===

impl CreateFromSnapshotRequest {
    /// With the server whose snapshot it has to be.
    pub(crate) fn of(self, server: Option<ServerId>) -> Result<NewFromSnapshot, Error> {
        Ok(NewFromSnapshot {
            name: self.name,
            plan: self.package,
            snapshot: SnapshotId(self.snapshot_id.0),
            server,
            extras: self.extras.try_into()?,
        })
    }
}

// === impl ExtrasRequest ===

impl TryFrom<ExtrasRequest> for Extras {
    type Error = Error;

    fn try_from(request: ExtrasRequest) -> Result<Self, Error> {
        let mut keys = request.ssh_key.unwrap_or_default().0;
        keys.extend(request.ssh_keys.unwrap_or_default().0);
        let user_data = match &request.user_data {
            Some(text) => Some(decoded(text)?),
            None => None,
        };
        Ok(Self {
            hostname: request.hostname.unwrap_or_default(),
            ssh_keys: keys,
            user_data,
            tags: tags::parse(&request.tags.unwrap_or_default().0)?,
        })
    }
}

fn decoded(text: &SecretString) -> Result<SecretString, Error> {
    control::servers::decode_user_data(text.expose_secret())
}

// === impl ServerResponse ===

impl From<ServerView> for ServerResponse {
    fn from(view: ServerView) -> Self {
        let server = view.server;
        let size = server.size;
        let hostname = hostname(&server);
        Self {
            id: server.id.0,
            cpu: size.cpus,
            memory: size.memory_mib.div_ceil(1024),
            disk: size.disk_gib,
            bandwidth: size.bandwidth_tb,
            state: state(view.state),
            region: server.region,
            image: server.image,
            package: server.plan,
            networks: NetworksResponse {
                v4: AddressResponse {
                    ip: server.public_ip.or(server.private_ip).unwrap_or_default(),
                    netmask: server.netmask.unwrap_or_default(),
                    gateway: server.gateway.unwrap_or_default(),
                },
                v6: server.public_ipv6.unwrap_or_default(),
            },
            created_at: server.created_at.rfc3339(),
            active_events: view.pending.iter().map(|id| id.0).collect(),
            hostname,
            name: server.name,
            tags: tags::words(&server.tags),
            error: server.error,
        }
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Creating => "Creating",
        State::Running => "Running",
        State::Stopped => "Stopped",
        State::Stopping => "Stopping",
        State::Starting => "Starting",
        State::Rebooting => "Rebooting",
        State::Rebuilding => "Rebuilding",
        State::Upgrading => "Upgrading",
        State::Restoring => "Restoring",
        State::Error => "Error",
    }
}
