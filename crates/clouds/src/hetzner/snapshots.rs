//! Snapshots of a server's disk, which Hetzner keeps as images: taken, listed, gone back to, deleted.
//!
//! Taking one and going back wait for Hetzner's action. What must stay true: those that Arcus took bear a label with the id
//! of their server; others are a person's, and are neither shown nor deleted with it.

use domain::Money;
use reqwest::Method;
use serde_json::json;

use super::wire::Image;
use super::{Hetzner, errors, labels, servers};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef, Snapshot, SnapshotRef};
use crate::each::Each;
use crate::text::{decimal, timestamp};

/// What Hetzner calls the action that takes one.
const TAKEN: &str = "create_image";

// === impl Hetzner ===

impl Hetzner {
    /// One of that name that is there already, or just being taken, as after a crash that lost the answer, is the one.
    pub(super) async fn take_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let id = labels::id(at)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(errors::rejected("a snapshot needs a name"));
        }
        if self.whole_snapshot_named(at, name).await?.is_some() {
            return Ok(());
        }
        let body = json!({
            "type": "snapshot", "description": name, "labels": { (labels::OF): id.to_string() },
        });
        let taken = self.run(id, "create_image", &body).await;
        taken.map_err(|error| servers::gone(error, at))
    }

    pub(super) async fn list_snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        let shown = |image: Image| Snapshot {
            name: image.description,
            created_at: timestamp(&image.created),
            size_bytes: image.image_size.and_then(|size| bytes(size.get())),
        };
        let whole = self.whole_snapshots(at).await?;
        Ok(whole.into_iter().map(shown).collect())
    }

    pub(super) async fn go_back_to_snapshot(
        &self,
        at: &InstanceRef,
        name: &str,
        mark: &str,
    ) -> CloudResult<()> {
        let server = self.describe(at).await?;
        let snapshot = self.whole_snapshot_named(at, name).await?;
        let snapshot = snapshot.ok_or_else(|| {
            CloudError::new(
                ErrorClass::NotFound,
                format!("there is no snapshot {name} of the server {}", at.id),
            )
        })?;
        let body = json!({ "image": snapshot.id.to_string() });
        self.replace_disk(at, &server, &body, mark).await
    }

    /// One that is gone already is a success. It may have outlived its server, whose id it bears all the same.
    pub(super) async fn delete_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let id = labels::id(at)?;
        match self.settle(id, TAKEN).await {
            Err(error) if error.class != ErrorClass::NotFound => return Err(error),
            _ => {}
        }
        let mut images = self.images_of(id).await?.into_iter();
        match images.find(|image| image.description == name) {
            Some(snapshot) => self.delete_image(snapshot.id).await,
            None => Ok(()),
        }
    }

    /// Deletes those of a server that is gone: they bear its id all the same.
    pub(super) async fn delete_snapshots_of(&self, id: u64) -> CloudResult<()> {
        let mut each = Each::default();
        for snapshot in self.images_of(id).await? {
            let deleted = self.delete_image(snapshot.id).await;
            each.note(&format!("the image {}", snapshot.id), deleted)?;
        }
        each.end()
    }

    /// The image that a new server begins as. One that is gone will not come back.
    pub(super) async fn image_of(&self, snapshot: &SnapshotRef) -> CloudResult<u64> {
        let id = labels::id(&snapshot.of).unwrap_or(0);
        let mut images = self.images_of(id).await?.into_iter();
        let found = images.find(|image| image.description == snapshot.name && is_whole(image));
        let gone = || errors::rejected(format!("the snapshot {} is gone", snapshot.name));
        found.map(|image| image.id).ok_or_else(gone)
    }

    async fn whole_snapshot_named(
        &self,
        at: &InstanceRef,
        name: &str,
    ) -> CloudResult<Option<Image>> {
        let whole = self.whole_snapshots(at).await?;
        Ok(whole.into_iter().find(|image| image.description == name))
    }

    /// Those that are whole; one that is just being taken is waited for.
    async fn whole_snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Image>> {
        let id = labels::id(at)?;
        let settled = self.settle(id, TAKEN).await;
        settled.map_err(|error| servers::gone(error, at))?;
        let mut images = self.images_of(id).await?;
        images.retain(is_whole);
        Ok(images)
    }

    /// Those that Arcus took of a server, whole or not.
    pub(super) async fn images_of(&self, id: u64) -> CloudResult<Vec<Image>> {
        let selector = labels::selector(labels::OF, &id.to_string())?;
        let parameters = [("type", "snapshot"), ("label_selector", &selector)];
        self.client.list(&["images"], &parameters).await
    }

    async fn delete_image(&self, id: u64) -> CloudResult<()> {
        let path = ["images", &id.to_string()];
        match self.client.change(Method::DELETE, &path, None).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            deleted => deleted,
        }
    }
}

fn is_whole(image: &Image) -> bool {
    image.status == "available"
}

/// How many bytes so many gigabytes are, by the digits that were sent; what is not counted yet is not known.
fn bytes(gigabytes: &str) -> Option<u64> {
    let Money(millionths) = decimal(gigabytes)?;
    let bytes = u64::try_from(millionths).ok()?.checked_mul(1 << 30)? / 1_000_000;
    (bytes > 0).then_some(bytes)
}
