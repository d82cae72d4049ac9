//! Incus: the operator's own hardware, and customers' Incus servers. One driver is one Incus server or cluster, and
//! that is one region.
//!
//! `registry` opens it through [`KIND`]; everything else of the crate sees it as `dyn Cloud`. What must stay true: an
//! instance bears its tag from the call that makes it (`user.arcus.installation`, `user.arcus.token`); nothing here
//! outlives a restart, since what is under way is asked of Incus itself; and a Unix socket, which gives root on its
//! machine, is opened for the operator only ([`options`]).
//!
//! | file | what it owns |
//! |---|---|
//! | `options` | what the driver is opened with |
//! | `client`, `tls`, `errors` | calls over HTTP, pinned certificates, what a failure means |
//! | `operations`, `socket` | Incus's background operations, its websockets |
//! | `create`, `copy`, `image`, `instances`, `power`, `change`, `disk`, `snapshots`, `restore` | the verbs |
//! | `preview` | what making and destroying would call |
//! | `note` | what an instance was like before a restore |
//! | `marks` | that what throws a disk away is not done twice |
//! | `exec`, `password`, `look`, `capacity` | those that work inside, or change nothing |
//! | `events`, `wait` | the stream of changes, and waiting by it |
//! | `wire`, `shown`, `names` | the JSON, what it means, the names that Incus accepts |

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::offer::Capacity;
use domain::{Image, Plan};
use futures::stream::BoxStream;
use secrecy::SecretString;

use crate::cloud::{
    Change, Cloud, CloudResult, CreateInstance, GroupRef, Instance, InstanceRef, Offer,
    PreviewedCall, Snapshot, Tag, Traffic, Until,
};
use crate::registry::{Field, Kind, Settings};

mod capacity;
mod change;
mod client;
mod copy;
mod create;
mod disk;
mod errors;
mod events;
mod exec;
mod image;
mod instances;
mod look;
mod marks;
mod names;
mod note;
mod operations;
pub mod options;
mod password;
mod power;
mod preview;
mod restore;
mod shown;
mod snapshots;
mod socket;
mod tls;
mod wait;
mod wire;

use client::Client;
use options::Options;

/// The registry's line for Incus.
pub const KIND: Kind = Kind {
    name: "incus",
    description: "Incus, on servers of one's own",
    fields: FIELDS,
    options: options::REGION,
    many_regions: false,
    calls_at_once: 32,
    policy: None,
    open,
};

const FIELDS: &[Field] = &[
    Field {
        short: "u",
        long: "url",
        name: "url",
        description: "Address of the Incus server, such as https://incus.example.com:8443",
        plain: true,
        optional: false,
    },
    Field {
        short: "c",
        long: "client_certificate",
        name: "client_certificate",
        description: "Client certificate (PEM) that the Incus server trusts",
        plain: true,
        optional: false,
    },
    Field {
        short: "k",
        long: "client_key",
        name: "client_key",
        description: "Private key (PEM) of the client certificate",
        plain: false,
        optional: false,
    },
    Field {
        short: "s",
        long: "server_certificate",
        name: "server_certificate",
        description: "Certificate (PEM) of the Incus server; empty where a public authority signed it",
        plain: true,
        optional: true,
    },
];

/// One Incus server or cluster.
pub struct Incus {
    client: Client,
    options: Options,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the registry hands them over"
)]
fn open(settings: Settings) -> CloudResult<Arc<dyn Cloud>> {
    let options = Options::read(&settings)?;
    let client = Client::new(&options, &settings)?;
    Ok(Arc::new(Incus { client, options }))
}

// === impl Cloud ===

#[async_trait]
impl Cloud for Incus {
    async fn check(&self) -> CloudResult<()> {
        self.check_trust().await
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

    async fn preview_create(&self, requests: &[CreateInstance]) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_instances(requests).await
    }

    async fn preview_destroy(
        &self,
        instances: &[InstanceRef],
        _group: Option<&GroupRef>,
    ) -> CloudResult<Vec<PreviewedCall>> {
        self.preview_end(instances).await
    }

    async fn preview_adopt(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        let call = format!("PATCH /1.0/instances/{}", at.id);
        let does = format!("notes on {} whose it is", at.id);
        Ok(vec![PreviewedCall::new(call, does)])
    }

    async fn adopt(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        self.adopt_instance(at, tag).await
    }

    async fn preview_release(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        let call = format!("PATCH /1.0/instances/{}", at.id);
        let does = format!("forgets whose {} is", at.id);
        Ok(vec![PreviewedCall::new(call, does)])
    }

    async fn release(&self, at: &InstanceRef) -> CloudResult<()> {
        self.release_instance(at).await
    }

    async fn resize(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        self.resize_instance(at, plan).await
    }

    async fn rebuild(
        &self,
        at: &InstanceRef,
        image: &Image,
        user_data: &str,
        nesting: bool,
        mark: &str,
    ) -> CloudResult<()> {
        self.rebuild_instance(at, image, user_data, nesting, mark)
            .await
    }

    async fn set_password(
        &self,
        at: &InstanceRef,
        user: &str,
        password_hash: &SecretString,
    ) -> CloudResult<()> {
        self.change_password(at, user, password_hash).await
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

    async fn disk_usage(&self, at: &InstanceRef) -> CloudResult<Option<u64>> {
        self.read_disk_usage(at).await
    }

    async fn capacity(&self) -> CloudResult<Option<Capacity>> {
        self.read_capacity().await
    }

    async fn traffic(&self, at: &InstanceRef) -> CloudResult<Traffic> {
        self.read_traffic(at).await
    }

    async fn console_log(&self, at: &InstanceRef) -> CloudResult<String> {
        self.read_console_log(at).await
    }

    fn copies_bear_tags(&self) -> bool {
        true
    }

    async fn changes(&self) -> Option<BoxStream<'static, Change>> {
        Some(events::changes(self.client.clone()))
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
