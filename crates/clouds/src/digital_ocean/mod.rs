//! DigitalOcean: customers' accounts there. One driver is one account, with all of its regions.
//!
//! `registry` opens it through [`KIND`]; everything else of the crate sees it as `dyn Cloud`. What must stay true: a
//! droplet bears its tags from the call that makes it (`arcus-in-INSTALLATION`, `arcus-token-TOKEN`), so that one whose
//! answer was lost is found; nothing here has to outlive a restart, since what is under way is asked of DigitalOcean itself
//! and what is kept only saves calls; and what would cost money after its droplet is gone, goes with it.
//!
//! | file | what it owns |
//! |---|---|
//! | `options` | what the driver is opened with |
//! | `client`, `pages`, `errors` | calls over HTTP, the limit of calls, long lists, what a failure means |
//! | `actions` | DigitalOcean's background actions, and waiting for them |
//! | `create`, `keys`, `firewall`, `droplets`, `power`, `change`, `snapshots` | the verbs |
//! | `preview` | what making and destroying would call |
//! | `tags`, `marks` | whose a droplet is; that what throws a disk away is not done twice |
//! | `offer` | regions, sizes, prices, images |
//! | `wire`, `names` | the JSON, the names that DigitalOcean accepts |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Image, Plan};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::cloud::{
    Cloud, CloudError, CloudResult, CreateInstance, GroupRef, Instance, InstanceRef, Offer,
    PreviewedCall, Snapshot, Tag, Traffic, Until,
};
use crate::kept::Kept;
use crate::registry::{Field, Kind, Settings};

mod actions;
mod change;
mod client;
mod create;
mod droplets;
mod errors;
mod firewall;
mod keys;
mod marks;
mod names;
mod offer;
pub mod options;
mod pages;
mod power;
mod preview;
mod snapshots;
mod tags;
mod wire;

use client::Client;
use offer::SoldIn;

/// The registry's line for DigitalOcean.
pub const KIND: Kind = Kind {
    name: "digital_ocean",
    description: "DigitalOcean",
    fields: FIELDS,
    options: options::REGION,
    many_regions: true,
    calls_at_once: 32,
    policy: None,
    open,
};

const FIELDS: &[Field] = &[Field {
    short: "a",
    long: options::ACCESS_TOKEN,
    name: options::ACCESS_TOKEN,
    description: "Personal access token of the DigitalOcean account, for reading and writing",
    plain: false,
    optional: false,
}];

/// How long a new droplet may be missing from the list of its tag.
const SETTLING: Duration = Duration::from_secs(10);

/// For what is sold where.
const SALES_HOLD: Duration = Duration::from_mins(5);

/// One account.
pub struct DigitalOcean {
    client: Client,
    /// Where each size is sold, under no key.
    sizes: Kept<Arc<SoldIn>>,
    /// Held while it is made sure that the account has something: two creates at once would make it twice.
    ensuring: Mutex<()>,
    /// The tags of droplets on their way out: one that is gone tells of its tags no more.
    leaving: Mutex<HashMap<u64, Vec<String>>>,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the registry hands them over"
)]
fn open(settings: Settings) -> CloudResult<Arc<dyn Cloud>> {
    Ok(Arc::new(DigitalOcean {
        client: Client::new(&settings)?,
        sizes: Kept::new(SALES_HOLD),
        ensuring: Mutex::default(),
        leaving: Mutex::default(),
    }))
}

// === impl Cloud ===

#[async_trait]
impl Cloud for DigitalOcean {
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
        self.create_droplet(request).await
    }

    async fn find(&self, region: &str, tag: &Tag) -> CloudResult<Vec<Instance>> {
        self.find_droplets(region, tag).await
    }

    async fn get(&self, at: &InstanceRef) -> CloudResult<Instance> {
        self.describe(at).await.map(droplets::shown)
    }

    async fn list(&self, region: &str, installation: &str) -> CloudResult<Vec<Instance>> {
        self.list_droplets(region, installation).await
    }

    async fn start(&self, at: &InstanceRef) -> CloudResult<()> {
        self.start_droplet(at).await
    }

    async fn stop(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        self.stop_droplet(at, force).await
    }

    async fn reboot(&self, at: &InstanceRef) -> CloudResult<()> {
        self.reboot_droplet(at).await
    }

    async fn retire(&self, at: &InstanceRef, name: &str) -> CloudResult<InstanceRef> {
        self.retire_droplet(at, name).await
    }

    async fn destroy(&self, at: &InstanceRef) -> CloudResult<()> {
        self.destroy_droplet(at).await
    }

    async fn clear_gone(&self, at: &InstanceRef) -> CloudResult<()> {
        self.delete_snapshots_of_gone(at).await
    }

    async fn preview_clear_gone(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_rest(at).await
    }

    async fn clear_group(&self, _region: &str, group: &str) -> CloudResult<()> {
        self.clear_firewall(group).await
    }

    async fn preview_create(&self, requests: &[CreateInstance]) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_droplets(requests).await
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
        self.adopt_droplet(at, tag).await
    }

    async fn preview_release(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_release_of(at).await
    }

    async fn release(&self, at: &InstanceRef) -> CloudResult<()> {
        self.release_droplet(at).await
    }

    async fn resize(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        self.resize_droplet(at, plan).await
    }

    async fn rebuild(
        &self,
        at: &InstanceRef,
        image: &Image,
        _user_data: &str,
        _nesting: bool,
        mark: &str,
    ) -> CloudResult<()> {
        self.rebuild_droplet(at, image, mark).await
    }

    async fn set_password(
        &self,
        _at: &InstanceRef,
        _user: &str,
        _password_hash: &SecretString,
    ) -> CloudResult<()> {
        Err(CloudError::unsupported(
            "DigitalOcean sets no password of one's choice: it mails a new one of root to the account's owner",
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

    async fn traffic(&self, _at: &InstanceRef) -> CloudResult<Traffic> {
        Err(CloudError::unsupported(
            "DigitalOcean counts no bytes of a droplet, it only draws a rate of them",
        ))
    }

    async fn console_log(&self, _at: &InstanceRef) -> CloudResult<String> {
        Err(CloudError::unsupported(
            "DigitalOcean shows a droplet's console in its control panel alone",
        ))
    }

    async fn wait(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        self.wait_until(at, until, timeout).await
    }
}
