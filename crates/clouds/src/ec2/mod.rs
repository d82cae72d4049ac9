//! Amazon EC2: customers' accounts with all of their regions, and regions of the house that run on it.
//!
//! `registry` opens it through [`KIND`]; everything else of the crate sees it as `dyn Cloud`. What must stay true: an
//! instance bears its tags from the call that makes it (`arcus:installation`, `arcus:token`), and Amazon knows its token;
//! what is kept here saves calls and is never the truth; and only what stands in `action` can be called.
//!
//! | file | what it owns |
//! |---|---|
//! | `options` | what the driver is opened with, and where each region is |
//! | `action`, `form`, `client`, `sign`, `errors` | calls: which, with what, sent, signed, and what a failure means |
//! | `create`, `image`, `group`, `user_data` | making an instance |
//! | `preview` | what making and destroying would call |
//! | `instances`, `wait`, `power`, `resize`, `snapshots` | the other verbs |
//! | `offer`, `prices` | what Amazon sells |
//! | `wire`, `wire_network`, `shown` | the XML, and what it means |

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

mod action;
mod client;
mod create;
mod errors;
mod form;
mod group;
mod image;
mod instances;
mod offer;
pub mod options;
mod power;
mod preview;
mod prices;
mod resize;
mod shown;
mod sign;
mod snapshots;
mod user_data;
mod wait;
mod wire;
mod wire_network;

use client::Client;
use create::Base;
use options::Options;
use wait::Looks;

/// The registry's line for Amazon EC2.
pub const KIND: Kind = Kind {
    name: "ec2",
    description: "Amazon EC2",
    fields: FIELDS,
    options: options::REGION,
    many_regions: true,
    // Amazon limits how often an account calls, and not how many calls are under way.
    calls_at_once: 250,
    policy: Some(action::policy),
    open,
};

const FIELDS: &[Field] = &[
    Field {
        short: "a",
        long: "accesskey",
        name: "accessKey",
        description: "AWS access key",
        plain: false,
        optional: false,
    },
    Field {
        short: "s",
        long: "secretkey",
        name: "secretKey",
        description: "AWS secret key",
        plain: false,
        optional: false,
    },
    Field {
        short: "t",
        long: "sessiontoken",
        name: "sessionToken",
        description: "AWS session token, where the keys are temporary ones",
        plain: false,
        optional: true,
    },
];

/// How long Amazon may take to show everywhere what it has made.
const SETTLING: Duration = Duration::from_secs(10);
/// For images: a newer one may wait that long.
const IMAGES_HOLD: Duration = Duration::from_hours(1);
/// For what a region offers.
const OFFERS_HOLD: Duration = Duration::from_hours(1);
/// For networks, firewalls and keys.
const REST_HOLDS: Duration = Duration::from_mins(10);

/// One account at Amazon.
pub struct Ec2 {
    client: Client,
    options: Options,
    looks: Looks,
    images: Kept<Base>,
    /// Whether types are offered, by region and type.
    offered: Kept<bool>,
    /// The ids of VPCs by region.
    vpcs: Kept<String>,
    /// The ids of security groups by region, group and ports.
    groups: Kept<String>,
    /// The key pairs that are there, by region and group.
    keys: Kept<()>,
    /// Held while a security group is deleted: of those who clear the same one at once, one alone does it.
    clearing: Mutex<()>,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the registry hands them over"
)]
fn open(settings: Settings) -> CloudResult<Arc<dyn Cloud>> {
    let options = Options::read(&settings)?;
    Ok(Arc::new(Ec2 {
        client: Client::new(&options, &settings)?,
        options,
        looks: Looks::default(),
        images: Kept::new(IMAGES_HOLD),
        offered: Kept::new(OFFERS_HOLD),
        vpcs: Kept::new(REST_HOLDS),
        groups: Kept::new(REST_HOLDS),
        keys: Kept::new(REST_HOLDS),
        clearing: Mutex::default(),
    }))
}

// === impl Cloud ===

#[async_trait]
impl Cloud for Ec2 {
    async fn settling(&self) -> Duration {
        SETTLING
    }

    async fn check(&self) -> CloudResult<()> {
        self.check_credentials().await
    }

    async fn offer(&self) -> CloudResult<Offer> {
        self.read_offer().await
    }

    async fn create(&self, request: &CreateInstance) -> CloudResult<Instance> {
        self.create_instance(request).await
    }

    async fn find(&self, region: &str, tag: &Tag) -> CloudResult<Vec<Instance>> {
        self.find_instances(region, tag).await
    }

    async fn get(&self, at: &InstanceRef) -> CloudResult<Instance> {
        self.get_instance(at).await
    }

    async fn list(&self, region: &str, installation: &str) -> CloudResult<Vec<Instance>> {
        self.list_instances(region, installation).await
    }

    async fn start(&self, at: &InstanceRef) -> CloudResult<()> {
        self.start_instance(at).await
    }

    async fn stop(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        self.stop_instance(at, force).await
    }

    async fn reboot(&self, at: &InstanceRef) -> CloudResult<()> {
        self.reboot_instance(at).await
    }

    async fn retire(&self, at: &InstanceRef, name: &str) -> CloudResult<InstanceRef> {
        self.retire_instance(at, name).await
    }

    async fn destroy(&self, at: &InstanceRef) -> CloudResult<()> {
        self.destroy_instance(at).await
    }

    async fn clear_gone(&self, at: &InstanceRef) -> CloudResult<()> {
        self.delete_all_snapshots(at).await
    }

    async fn preview_clear_gone(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_rest(at).await
    }

    async fn clear_group(&self, region: &str, group: &str) -> CloudResult<()> {
        self.delete_group(region, group).await
    }

    async fn preview_create(&self, requests: &[CreateInstance]) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_instances(requests).await
    }

    async fn preview_destroy(
        &self,
        instances: &[InstanceRef],
        group: Option<&GroupRef>,
    ) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_end(instances, group).await
    }

    async fn preview_adopt(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_adoption(at).await
    }

    async fn adopt(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        self.adopt_instance(at, tag).await
    }

    async fn preview_release(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_release_of(at).await
    }

    async fn release(&self, at: &InstanceRef) -> CloudResult<()> {
        self.release_instance(at).await
    }

    async fn resize(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        self.resize_instance(at, plan).await
    }

    async fn rebuild(
        &self,
        _at: &InstanceRef,
        _image: &Image,
        _user_data: &str,
        _nesting: bool,
        _mark: &str,
    ) -> CloudResult<()> {
        Err(CloudError::unsupported(
            "a server on Amazon EC2 can't be reinstalled in its place: create a new one, and delete this one",
        ))
    }

    async fn set_password(
        &self,
        _at: &InstanceRef,
        _user: &str,
        _password_hash: &SecretString,
    ) -> CloudResult<()> {
        Err(CloudError::unsupported(
            "Amazon EC2 can't set a password inside a server: log in with your SSH key",
        ))
    }

    async fn create_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        self.take_snapshot(at, name).await
    }

    async fn snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        self.list_snapshots(at).await
    }

    async fn restore_snapshot(
        &self,
        _at: &InstanceRef,
        _name: &str,
        _mark: &str,
    ) -> CloudResult<()> {
        Err(CloudError::unsupported(
            "a server on Amazon EC2 can't go back to a snapshot in its place: create a new one from the snapshot",
        ))
    }

    async fn destroy_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        self.delete_snapshot(at, name).await
    }

    async fn traffic(&self, _at: &InstanceRef) -> CloudResult<Traffic> {
        Err(CloudError::unsupported(
            "Amazon EC2 counts no traffic itself; its CloudWatch does, which takes a permission that is not asked for",
        ))
    }

    async fn console_log(&self, at: &InstanceRef) -> CloudResult<String> {
        self.read_console_log(at).await
    }

    /// "Launch more like this" in Amazon's console copies the tags.
    fn copies_bear_tags(&self) -> bool {
        true
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
