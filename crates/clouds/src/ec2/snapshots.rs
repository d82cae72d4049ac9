//! Snapshots: images (AMIs) of one's own that Amazon makes of an instance, each tagged with whose and under which name.
//!
//! What must stay true: they are found by their tags alone; one that is just being taken is waited for, by its deletion too; and with an image
//! goes what it keeps of its disks, or that would be paid for and forgotten.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::action::Action;
use super::create::{Base, no_snapshot};
use super::errors::rejected;
use super::form::{Form, NAME};
use super::instances::gone;
use super::shown::timestamp;
use super::{Ec2, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef, Snapshot, SnapshotRef};

/// The tag with the id of the instance.
const OF: &str = "arcus:snapshot-of";
/// The tag with the name of the snapshot.
const SNAPSHOT: &str = "arcus:snapshot";
/// A large disk takes this long.
const PATIENCE: Duration = Duration::from_mins(15);
const PAUSE: Duration = Duration::from_secs(5);

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn take_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let form = Form::new()
            .with("InstanceId", &at.id)
            .with("Name", image_name(at, name))
            // As a snapshot at home: of what runs, without a restart.
            .with("NoReboot", "true")
            .tags_of("image", &[(NAME, name), (OF, &at.id), (SNAPSHOT, name)]);
        let answer = self.client.run(&at.region, Action::CreateImage, form).await;
        match answer {
            // It was asked for before, and the answer was lost.
            Err(failure) if failure.code == "InvalidAMIName.Duplicate" => {}
            answer => answer.map_err(|failure| gone(failure.into(), at))?,
        }
        let images = self.whole(at).await?;
        let failed = |image: &wire::Image| !is_whole(image) && is_named(image, name);
        if images.iter().any(failed) {
            return Err(rejected(
                "Amazon EC2 failed to take the snapshot: delete it, and try again",
            ));
        }
        Ok(())
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
        let images = self.images_to_go(at, Some(name)).await?;
        if images.is_empty() {
            return Err(CloudError::new(
                ErrorClass::NotFound,
                format!("there is no snapshot {name:?}"),
            ));
        }
        for image in images {
            self.delete_image(at, &image).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_all_snapshots(&self, at: &InstanceRef) -> CloudResult<()> {
        for image in self.images_to_go(at, None).await? {
            self.delete_image(at, &image).await?;
        }
        Ok(())
    }

    /// What [`delete_all_snapshots`](Self::delete_all_snapshots) deletes: images, each with the ids of its disks.
    pub(super) async fn snapshots_to_go(
        &self,
        at: &InstanceRef,
    ) -> CloudResult<Vec<(String, Vec<String>)>> {
        let images = self.images_to_go(at, None).await?.into_iter();
        let with_disks = images.map(|image| {
            let disks = image.block_device_mapping.all.into_iter();
            let disks = disks.filter_map(|disk| disk.ebs.snapshot_id);
            (image.image_id, disks.collect())
        });
        Ok(with_disks.collect())
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

    /// The images of an instance that are to be deleted. One that is just being made does not tell of its disks yet, which
    /// would be paid for without it: it is for later.
    async fn images_to_go(
        &self,
        at: &InstanceRef,
        name: Option<&str>,
    ) -> CloudResult<Vec<wire::Image>> {
        let images = self.images_of(at, name).await?;
        if images.iter().any(is_pending) {
            return Err(still_pending());
        }
        Ok(images)
    }

    async fn images_of(
        &self,
        at: &InstanceRef,
        name: Option<&str>,
    ) -> CloudResult<Vec<wire::Image>> {
        let form = Form::new()
            .list("Owner", ["self"])
            .filter(&format!("tag:{OF}"), [at.id.as_str()]);
        let form = match name {
            Some(name) => form.filter(&format!("tag:{SNAPSHOT}"), [name]),
            None => form,
        };
        let answer = self.client.call(&at.region, Action::DescribeImages, form);
        let found: wire::Images = answer.await?;
        Ok(found.images_set.all)
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
        let disks = image.block_device_mapping.all.iter();
        for snapshot in disks.filter_map(|disk| disk.ebs.snapshot_id.as_deref()) {
            let form = Form::new().with("SnapshotId", snapshot);
            match self.client.run(region, Action::DeleteSnapshot, form).await {
                Err(failure) if failure.code == "InvalidSnapshot.NotFound" => {}
                answer => answer?,
            }
        }
        Ok(())
    }
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
