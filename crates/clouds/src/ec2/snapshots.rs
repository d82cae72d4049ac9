//! Snapshots: images (AMIs) of one's own that Amazon makes of an instance, each tagged with whose and under which name.
//!
//! What must stay true: they are found by their tags alone, but for one that was asked for just now, which is waited for by its
//! id, shown or not; one that is just being taken is waited for, by its deletion too; and with an image goes what it keeps of
//! its disks, or that would be paid for and forgotten.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::action::Action;
use super::client::Called;
use super::create::{Base, no_snapshot};
use super::errors::{NOT_ALLOWED, rejected};
use super::form::{Form, NAME};
use super::instances::gone;
use super::shown::timestamp;
use super::{Ec2, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef, Snapshot, SnapshotRef};
use crate::each::Each;

/// The tag with the id of the instance.
const OF: &str = "arcus:snapshot-of";
/// The tag with the name of the snapshot.
const SNAPSHOT: &str = "arcus:snapshot";
/// A large disk takes this long.
const PATIENCE: Duration = Duration::from_mins(15);
const PAUSE: Duration = Duration::from_secs(5);
/// After the first look for one that is not shown yet; later ones are further apart.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What there is to delete.
pub(super) struct ToGo {
    pub(super) images: Vec<wire::Image>,
    /// The ids of what images that are gone kept of disks.
    pub(super) left: Vec<String>,
}

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn take_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let as_image = image_name(at, name);
        let tags = [(NAME, name), (OF, at.id.as_str()), (SNAPSHOT, name)];
        let form = Form::new()
            .with("InstanceId", &at.id)
            .with("Name", &as_image)
            // As a snapshot at home: of what runs, without a restart.
            .with("NoReboot", "true")
            .tags_of("image", &tags)
            .tags_of("snapshot", &tags);
        let answer = self.client.call(&at.region, Action::CreateImage, form);
        let taken = match answer.await {
            Ok(wire::Taken { image_id }) => Form::new().list("ImageId", [image_id.as_str()]),
            // It was asked for before, and the answer was lost.
            Err(failure) if failure.code == "InvalidAMIName.Duplicate" => Form::new()
                .list("Owner", ["self"])
                .filter("name", [as_image.as_str()]),
            Err(failure) => return Err(gone(failure.into(), at)),
        };
        if is_whole(&self.settled_image(&at.region, taken).await?) {
            return Ok(());
        }
        Err(rejected(
            "Amazon EC2 failed to take the snapshot: delete it, and try again",
        ))
    }

    /// One that Amazon has taken on, as soon as it is not just being made. Amazon may not show it yet: that it is absent says
    /// nothing.
    async fn settled_image(&self, region: &str, form: Form) -> CloudResult<wire::Image> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        loop {
            let action = Action::DescribeImages;
            let answer: Called<wire::Images> = self.client.call(region, action, form.clone()).await;
            let seen = match answer {
                Ok(found) => found.images_set.all.into_iter().next(),
                Err(failure) if failure.code == "InvalidAMIID.NotFound" => None,
                Err(failure) => return Err(failure.into()),
            };
            if let Some(image) = seen.filter(|image| !is_pending(image)) {
                return Ok(image);
            }
            if Instant::now() + pause > deadline {
                return Err(still_pending());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(PAUSE);
        }
    }

    pub(super) async fn list_snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        let images = self.whole(at).await?;
        let shown = |image: &wire::Image| {
            if !is_whole(image) {
                return None;
            }
            Some(Snapshot {
                name: wire::tag(&image.tag_set, SNAPSHOT)?.to_owned(),
                created_at: timestamp(&image.creation_date),
                size_bytes: None,
            })
        };
        Ok(images.iter().filter_map(shown).collect())
    }

    pub(super) async fn delete_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let to_go = self.snapshots_to_go(at, Some(name)).await?;
        if to_go.images.is_empty() && to_go.left.is_empty() {
            return Err(CloudError::new(
                ErrorClass::NotFound,
                format!("there is no snapshot {name:?}"),
            ));
        }
        self.delete_snapshots(at, &to_go).await
    }

    pub(super) async fn delete_all_snapshots(&self, at: &InstanceRef) -> CloudResult<()> {
        let to_go = self.snapshots_to_go(at, None).await?;
        self.delete_snapshots(at, &to_go).await
    }

    /// What of an instance's is to be deleted, or what of one of its snapshots is. One that is just being made does not tell of
    /// its disks yet, which would be paid for without it: it is for later.
    pub(super) async fn snapshots_to_go(
        &self,
        at: &InstanceRef,
        name: Option<&str>,
    ) -> CloudResult<ToGo> {
        let (images, disks) = tokio::try_join!(self.images_of(at, name), self.disks_of(at, name))?;
        let is_left = |disk: &wire::DiskSnapshot| {
            let mut kept = images.iter().flat_map(disks_behind);
            !kept.any(|kept| kept == disk.snapshot_id)
        };
        let left: Vec<_> = disks.into_iter().filter(is_left).collect();
        // Of one that is not whole the image may not be shown yet.
        if images.iter().any(is_pending) || left.iter().any(|disk| disk.status == "pending") {
            return Err(still_pending());
        }
        let left = left.into_iter().map(|disk| disk.snapshot_id).collect();
        Ok(ToGo { images, left })
    }

    /// Deletes what [`snapshots_to_go`](Self::snapshots_to_go) found.
    async fn delete_snapshots(&self, at: &InstanceRef, to_go: &ToGo) -> CloudResult<()> {
        let mut each = Each::default();
        for image in &to_go.images {
            each.note(&image.image_id, self.delete_image(at, image).await)?;
        }
        for disk in &to_go.left {
            each.note(disk, self.delete_disk(&at.region, disk).await)?;
        }
        each.end()
    }

    /// What an instance from a snapshot starts from. One that is gone will not come back.
    pub(super) async fn snapshot_base(
        &self,
        region: &str,
        snapshot: &SnapshotRef,
    ) -> CloudResult<Base> {
        if snapshot.of.region != region {
            return Err(rejected(format!(
                "the snapshot is in {}: an instance from it can be made there only",
                snapshot.of.region
            )));
        }
        let images = self.whole(&snapshot.of).await?;
        let image = images
            .into_iter()
            .find(|image| is_whole(image) && is_named(image, &snapshot.name));
        image
            .map(Base::from)
            .ok_or_else(|| no_snapshot(&snapshot.name))
    }

    /// The images of an instance, as soon as none of them is just being made; the failed ones among them.
    async fn whole(&self, at: &InstanceRef) -> CloudResult<Vec<wire::Image>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let images = self.images_of(at, None).await?;
            if !images.iter().any(is_pending) {
                return Ok(images);
            }
            if Instant::now() + PAUSE > deadline {
                return Err(still_pending());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn images_of(
        &self,
        at: &InstanceRef,
        name: Option<&str>,
    ) -> CloudResult<Vec<wire::Image>> {
        let (form, action) = (of(at, name), Action::DescribeImages);
        let found: wire::Images = self.client.call(&at.region, action, form).await?;
        let mut all = found.images_set.all;
        // A copy that somebody made of one may bear its tags, and is theirs.
        all.retain(|image| {
            let name = wire::tag(&image.tag_set, SNAPSHOT);
            name.is_some_and(|name| image.name == image_name(at, name))
        });
        Ok(all)
    }

    /// What images of an instance keep of its disks, and what is left of that where an image is gone already. A policy from
    /// before this look allows none: what the images themselves tell of has to do then.
    async fn disks_of(
        &self,
        at: &InstanceRef,
        name: Option<&str>,
    ) -> CloudResult<Vec<wire::DiskSnapshot>> {
        let (form, action) = (of(at, name), Action::DescribeSnapshots);
        let answer: Called<wire::DiskSnapshots> = self.client.call(&at.region, action, form).await;
        match answer {
            Err(failure) if failure.code == NOT_ALLOWED => Ok(Vec::new()),
            answer => Ok(answer?.snapshot_set.all),
        }
    }

    /// Amazon deletes what is behind an image in the same call where it can do that; what it leaves is deleted here.
    async fn delete_image(&self, at: &InstanceRef, image: &wire::Image) -> CloudResult<()> {
        let region = &at.region;
        let form = Form::new()
            .with("ImageId", &image.image_id)
            .with("DeleteAssociatedSnapshots", "true");
        match self.client.run(region, Action::DeregisterImage, form).await {
            Err(failure) if failure.code == "InvalidAMIID.NotFound" => {}
            // It is said of one that is gone, and of one that is in no state to go.
            Err(failure) if failure.code == "InvalidAMIID.Unavailable" => {
                let left = self.images_of(at, None).await?;
                if left.iter().any(|one| one.image_id == image.image_id) {
                    return Err(failure.into());
                }
            }
            answer => answer?,
        }
        let mut each = Each::default();
        for disk in disks_behind(image) {
            each.note(disk, self.delete_disk(region, disk).await)?;
        }
        each.end()
    }

    async fn delete_disk(&self, region: &str, disk: &str) -> CloudResult<()> {
        let form = Form::new().with("SnapshotId", disk);
        match self.client.run(region, Action::DeleteSnapshot, form).await {
            Err(failure) if failure.code == "InvalidSnapshot.NotFound" => Ok(()),
            answer => Ok(answer?),
        }
    }
}

/// What bears the tags of an instance's snapshots, or of that one of them.
fn of(at: &InstanceRef, name: Option<&str>) -> Form {
    let form = Form::new()
        .list("Owner", ["self"])
        .filter(&format!("tag:{OF}"), [at.id.as_str()]);
    match name {
        Some(name) => form.filter(&format!("tag:{SNAPSHOT}"), [name]),
        None => form,
    }
}

/// The ids of what an image keeps of disks.
pub(super) fn disks_behind(image: &wire::Image) -> impl Iterator<Item = &str> {
    let disks = image.block_device_mapping.all.iter();
    disks.filter_map(|disk| disk.ebs.snapshot_id.as_deref())
}

fn is_whole(image: &wire::Image) -> bool {
    image.image_state == "available"
}

fn is_named(image: &wire::Image, name: &str) -> bool {
    wire::tag(&image.tag_set, SNAPSHOT) == Some(name)
}

fn is_pending(image: &wire::Image) -> bool {
    image.image_state == "pending"
}

fn still_pending() -> CloudError {
    CloudError::new(
        ErrorClass::Unavailable,
        "Amazon EC2 is still taking the snapshot",
    )
}

/// The same for the same snapshot, so that Amazon refuses a second one: letters, digits and `-`, of 64 at the most.
fn image_name(at: &InstanceRef, name: &str) -> String {
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    format!("arcus-{}-{}", at.id, &digest[..16])
}
