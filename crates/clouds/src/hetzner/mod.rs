//! Hetzner Cloud: customers' accounts there. One driver is one project, with all of its locations.
//!
//! `registry` opens it through [`KIND`]; everything else of the crate sees it as `dyn Cloud`. What must stay true: a server
//! bears its labels from the call that makes it (`arcus-installation`, `arcus-token`), and a name that follows from its
//! token, which Hetzner gives once: a second create of one server is refused, and leads to the first; nothing here outlives
//! a restart, since what is kept only saves calls; and what would cost money after its server is gone, goes with it.
//!
//! | file | what it owns |
//! |---|---|
//! | `options` | what the driver is opened with |
//! | `client`, `errors` | calls over HTTP, the limit of calls, long lists, what a failure means |
//! | `actions` | Hetzner's background actions, and waiting for them |
//! | `create`, `image`, `keys`, `group` | making a server, and what it needs before: its group's firewall and network |
//! | `servers`, `power`, `change`, `snapshots`, `traffic` | the other verbs |
//! | `preview` | what making and destroying would call |
//! | `labels` | names, whose a server is, and that what throws a disk away is not done twice |
//! | `offer` | locations, server types, prices |
//! | `wire` | the JSON |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Image, Plan};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::cloud::{
    Cloud, CloudError, CloudResult, CreateInstance, GroupRef, Instance, InstanceRef, Offer,
    PreviewedCall, Snapshot, Tag, Traffic,
};
use crate::kept::Kept;
use crate::registry::{Field, Kind, Settings};

mod actions;
mod change;
mod client;
mod create;
mod errors;
mod group;
mod image;
mod keys;
mod labels;
mod offer;
pub mod options;
mod power;
mod preview;
mod servers;
mod snapshots;
mod traffic;
mod wire;

use client::Client;
use group::Group;
use offer::Sale;
use traffic::Counters;

/// The registry's line for Hetzner Cloud.
pub const KIND: Kind = Kind {
    name: "hetzner",
    description: "Hetzner Cloud",
    fields: FIELDS,
    options: options::REGION,
    many_regions: true,
    calls_at_once: 32,
    policy: None,
    open,
};

const FIELDS: &[Field] = &[Field {
    short: "a",
    long: options::API_TOKEN,
    name: options::API_TOKEN,
    description: "API token of the Hetzner Cloud project, for reading and writing",
    plain: false,
    optional: false,
}];

/// How long a new server may be missing from a list by labels.
const SETTLING: Duration = Duration::from_secs(5);
/// For images and locations: a newer one may wait that long.
const SALES_HOLD: Duration = Duration::from_hours(1);
/// For firewalls, networks and keys, and for where a server type is sold.
const REST_HOLDS: Duration = Duration::from_mins(5);
/// For the counters of all servers, which are read once a minute for each of them.
const COUNTERS_HOLD: Duration = Duration::from_secs(45);

/// One project.
pub struct Hetzner {
    client: Client,
    /// Two creates of one group would make its firewall twice, or take each other's rules away.
    making_groups: Mutex<()>,
    /// By the architecture and the name.
    images: Kept<u64>,
    /// By the server type.
    sales: Kept<Sale>,
    /// The network zone of a location.
    zones: Kept<String>,
    groups: Kept<Group>,
    keys: Kept<u64>,
    counters: Kept<Arc<HashMap<u64, Counters>>>,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the registry hands them over"
)]
fn open(settings: Settings) -> CloudResult<Arc<dyn Cloud>> {
    Ok(Arc::new(Hetzner {
        client: Client::new(&settings)?,
        making_groups: Mutex::default(),
        images: Kept::new(SALES_HOLD),
        sales: Kept::new(REST_HOLDS),
        zones: Kept::new(SALES_HOLD),
        groups: Kept::new(REST_HOLDS),
        keys: Kept::new(REST_HOLDS),
        counters: Kept::new(COUNTERS_HOLD),
    }))
}

// === impl Cloud ===

#[async_trait]
impl Cloud for Hetzner {
    async fn settling(&self) -> Duration {
        SETTLING
    }

    async fn check(&self) -> CloudResult<()> {
        self.check_token().await
    }

    async fn offer(&self) -> CloudResult<Offer> {
        self.read_offer().await
    }

    async fn create(&self, request: &CreateInstance) -> CloudResult<Instance> {
        self.create_server(request).await
    }

    async fn find(&self, region: &str, tag: &Tag) -> CloudResult<Vec<Instance>> {
        self.find_servers(region, tag).await
    }

    async fn get(&self, at: &InstanceRef) -> CloudResult<Instance> {
        self.describe(at)
            .await
            .map(|server| servers::shown(&server))
    }

    async fn list(&self, region: &str, installation: &str) -> CloudResult<Vec<Instance>> {
        self.list_servers(region, installation).await
    }

    async fn start(&self, at: &InstanceRef) -> CloudResult<()> {
        self.start_server(at).await
    }

    async fn stop(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        self.stop_server(at, force).await
    }

    async fn reboot(&self, at: &InstanceRef) -> CloudResult<()> {
        self.reboot_server(at).await
    }

    async fn retire(&self, at: &InstanceRef, name: &str) -> CloudResult<InstanceRef> {
        self.retire_server(at, name).await
    }

    async fn destroy(&self, at: &InstanceRef) -> CloudResult<()> {
        self.destroy_server(at).await
    }

    async fn clear_gone(&self, at: &InstanceRef) -> CloudResult<()> {
        self.delete_snapshots_of(labels::id(at)?).await
    }

    async fn preview_clear_gone(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_rest(at).await
    }

    async fn clear_group(&self, _region: &str, group: &str) -> CloudResult<()> {
        self.take_group_away(group).await
    }

    async fn preview_create(&self, requests: &[CreateInstance]) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_servers(requests).await
    }

    async fn preview_destroy(
        &self,
        instances: &[InstanceRef],
        group: Option<&GroupRef>,
    ) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_end(instances, group).await
    }

    async fn preview_adopt(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        Ok(preview::adoption(at))
    }

    async fn adopt(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        self.adopt_server(at, tag).await
    }

    async fn preview_release(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        Ok(preview::release(at))
    }

    async fn release(&self, at: &InstanceRef) -> CloudResult<()> {
        self.release_server(at).await
    }

    async fn resize(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        self.resize_server(at, plan).await
    }

    async fn rebuild(
        &self,
        at: &InstanceRef,
        image: &Image,
        user_data: &str,
        _nesting: bool,
        mark: &str,
    ) -> CloudResult<()> {
        self.rebuild_server(at, image, user_data, mark).await
    }

    async fn set_password(
        &self,
        _at: &InstanceRef,
        _user: &str,
        _password_hash: &SecretString,
    ) -> CloudResult<()> {
        Err(CloudError::unsupported(
            "Hetzner Cloud sets no password of one's choice: it makes up a new one for root",
        ))
    }

    async fn create_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        self.take_snapshot(at, name).await
    }

    async fn snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        self.list_snapshots(at).await
    }

    async fn restore_snapshot(&self, at: &InstanceRef, name: &str, mark: &str) -> CloudResult<()> {
        self.go_back_to_snapshot(at, name, mark).await
    }

    async fn destroy_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        self.delete_snapshot(at, name).await
    }

    async fn traffic(&self, at: &InstanceRef) -> CloudResult<Traffic> {
        self.read_traffic(at).await
    }

    async fn console_log(&self, _at: &InstanceRef) -> CloudResult<String> {
        Err(CloudError::unsupported(
            "Hetzner Cloud shows a server's console as a picture and keeps no text of it",
        ))
    }
}
