//! Disks, and the images of the account's own that are made of them.

use std::time::Instant;

use super::asked::{Asked, fits};
use super::calls::{Refusal, Reply, refuse};
use super::catalog::{self, ACCOUNT};
use super::instances::shown_tags;
use super::world::{Image, Instance, Snapshot, State, World, new_id, now};
use super::xml::{element, items, text};

// === impl World ===

impl World {
    pub(super) fn describe_volumes(&self, asked: &Asked) -> Reply {
        let ids = asked.fields.list("VolumeId");
        let filters = asked.fields.filters()?;
        // A disk goes with its instance.
        let there =
            |instance: &&Instance| instance.is_seen() && instance.state != State::Terminated;
        let all = self.of(&asked.region).filter(there);
        let found = all.filter(|instance| {
            let is_attached = |(name, values): &(String, Vec<String>)| {
                name == "attachment.instance-id" && values.contains(&instance.id)
            };
            (ids.is_empty() || ids.contains(&instance.volume.id)) && filters.iter().all(is_attached)
        });
        let shown: Vec<String> = found.map(shown_volume).collect();
        if shown.len() < ids.len() {
            return Err(no_volume(&ids[0]));
        }
        Ok(items("volumeSet", shown))
    }

    pub(super) fn modify_volume(&mut self, asked: &Asked) -> Reply {
        let id = asked.fields.must("VolumeId")?;
        let size = asked.fields.number("Size").unwrap_or_default();
        let mut all = self.instances.values_mut();
        let found =
            all.find(|instance| instance.volume.id == id && instance.region == asked.region);
        let volume = &mut found.ok_or_else(|| no_volume(id))?.volume;
        if size < volume.size {
            let message = "New size cannot be smaller than existing size";
            return Err(refuse(400, "InvalidParameterValue", message));
        }
        let before = std::mem::replace(&mut volume.size, size);
        let modification = [
            text("volumeId", id),
            text("modificationState", "modifying"),
            text("targetSize", size),
            text("originalSize", before),
            text("progress", 0),
            text("startTime", now()),
        ];
        Ok(element("volumeModification", &modification.concat()))
    }

    pub(super) fn create_image(&mut self, asked: &Asked) -> Reply {
        let fields = &asked.fields;
        let name = fields.must("Name")?.to_owned();
        let instance = self.instance(&asked.region, fields.must("InstanceId")?)?;
        if instance.state == State::Terminated {
            let message = format!("The instance '{}' is not in a valid state", instance.id);
            return Err(refuse(400, "IncorrectState", message));
        }
        let mut own = self.images.iter();
        if let Some(there) = own.find(|image| image.name == name && image.region == asked.region) {
            let message = format!("AMI name {name} is already in use by AMI {}", there.id);
            return Err(refuse(400, "InvalidAMIName.Duplicate", message));
        }
        let volume = &instance.volume;
        let (id, behind) = (new_id("ami"), new_id("snap"));
        let snapshot = Snapshot {
            id: behind.clone(),
            region: asked.region.clone(),
            volume: volume.id.clone(),
            size: volume.size,
            image: id.clone(),
            made_at: now(),
        };
        let image = Image {
            id: id.clone(),
            region: asked.region.clone(),
            name,
            device: volume.device.clone(),
            size: volume.size,
            snapshot: behind,
            tags: fields.tags_of("image"),
            made_at: now(),
            ready_at: Instant::now() + self.image_pace,
        };
        self.snapshots.push(snapshot);
        self.images.push(image);
        Ok(text("imageId", id))
    }

    pub(super) fn describe_images(&self, asked: &Asked) -> Reply {
        let fields = &asked.fields;
        let (ids, owners) = (fields.list("ImageId"), fields.list("Owner"));
        let filters = fields.filters()?;
        let wanted = |name: &str, values: &[String], shown: &Shown| {
            let is = |value: &str| values.iter().any(|wanted| fits(wanted, value));
            match name {
                "name" => Ok(is(&shown.name)),
                "architecture" => Ok(is("x86_64")),
                "state" => Ok(is(shown.state)),
                tag => {
                    let key = tag.strip_prefix("tag:").ok_or_else(|| {
                        let message = format!("The filter '{name}' is invalid");
                        refuse(400, "InvalidParameterValue", message)
                    })?;
                    Ok::<_, Refusal>(shown.tags.get(key).is_some_and(|value| is(value)))
                }
            }
        };
        let own = self
            .images
            .iter()
            .filter(|image| image.region == asked.region);
        let all = catalog::images().chain(own.map(Shown::from));
        let mut found = Vec::new();
        for shown in all {
            let is_owner = |owner: &String| {
                *owner == shown.owner || (owner == "self" && shown.owner == ACCOUNT)
            };
            let mut fits = ids.is_empty() || ids.contains(&shown.id);
            fits &= owners.is_empty() || owners.iter().any(is_owner);
            for (name, values) in &filters {
                fits &= wanted(name, values, &shown)?;
            }
            if fits {
                found.push(shown.written());
            }
        }
        match ids.first() {
            Some(id) if found.is_empty() => Err(no_image(id)),
            _ => Ok(items("imagesSet", found)),
        }
    }

    /// The least that the root disk of an instance from that image has, in GiB.
    pub(super) fn least_disk(&self, region: &str, id: &str) -> Result<u64, Refusal> {
        let published = catalog::images().find(|image| image.id == id);
        if let Some(published) = published {
            return Ok(published.size);
        }
        let mut own = self.images.iter();
        let own = own.find(|image| image.id == id && image.region == region);
        let own = own.ok_or_else(|| no_image(id))?;
        if Instant::now() < own.ready_at {
            let message = format!("The image ID '[{id}]' is not available");
            return Err(refuse(400, "InvalidAMIID.Unavailable", message));
        }
        Ok(own.size)
    }

    pub(super) fn deregister(&mut self, asked: &Asked) -> Reply {
        let id = asked.fields.must("ImageId")?;
        let is_meant = |image: &&Image| image.id == id && image.region == asked.region;
        let mut own = self.images.iter();
        if own
            .find(is_meant)
            .is_some_and(|image| Instant::now() < image.ready_at)
        {
            let message = format!("The image ID '[{id}]' is not available");
            return Err(refuse(400, "InvalidAMIID.Unavailable", message));
        }
        let before = self.images.len();
        self.images
            .retain(|image| image.id != id || image.region != asked.region);
        if self.images.len() == before {
            let message = format!("The image ID '[{id}]' is no longer available");
            return Err(refuse(400, "InvalidAMIID.Unavailable", message));
        }
        let mut deleted = Vec::new();
        if asked.fields.get("DeleteAssociatedSnapshots") == Some("true") {
            self.snapshots.retain(|snapshot| {
                if snapshot.image == id {
                    let result = [
                        text("snapshotId", &snapshot.id),
                        text("returnCode", "success"),
                    ];
                    deleted.push(result.concat());
                }
                snapshot.image != id
            });
        }
        Ok([
            text("return", true),
            items("deleteSnapshotResultSet", deleted),
        ]
        .concat())
    }

    pub(super) fn delete_snapshot(&mut self, asked: &Asked) -> Reply {
        let id = asked.fields.must("SnapshotId")?;
        let before = self.snapshots.len();
        self.snapshots
            .retain(|snapshot| snapshot.id != id || snapshot.region != asked.region);
        if self.snapshots.len() == before {
            let message = format!("The snapshot '{id}' does not exist.");
            return Err(refuse(400, "InvalidSnapshot.NotFound", message));
        }
        Ok(text("return", true))
    }

    pub(super) fn describe_snapshots(&self, asked: &Asked) -> Reply {
        let filters = asked.fields.filters()?;
        let is = |snapshot: &Snapshot, (name, values): &(String, Vec<String>)| {
            name == "snapshot-id" && values.contains(&snapshot.id)
        };
        let found = self.snapshots.iter().filter(|snapshot| {
            snapshot.region == asked.region && filters.iter().all(|filter| is(snapshot, filter))
        });
        let shown = found.map(|snapshot| {
            [
                text("snapshotId", &snapshot.id),
                text("volumeId", &snapshot.volume),
                text("status", "completed"),
                text("startTime", &snapshot.made_at),
                text("progress", "100%"),
                text("ownerId", ACCOUNT),
                text("volumeSize", snapshot.size),
            ]
            .concat()
        });
        Ok(items("snapshotSet", shown))
    }
}

/// An image as it is shown.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) owner: &'static str,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) made_at: String,
    pub(super) device: String,
    pub(super) size: u64,
    pub(super) snapshot: String,
    pub(super) tags: std::collections::BTreeMap<String, String>,
}

// === impl Shown ===

impl From<&Image> for Shown {
    fn from(image: &Image) -> Self {
        let is_ready = image.ready_at <= Instant::now();
        Self {
            id: image.id.clone(),
            owner: ACCOUNT,
            name: image.name.clone(),
            state: if is_ready { "available" } else { "pending" },
            made_at: image.made_at.clone(),
            device: image.device.clone(),
            size: image.size,
            snapshot: image.snapshot.clone(),
            tags: image.tags.clone(),
        }
    }
}

impl Shown {
    fn written(&self) -> String {
        let disk = [
            text("snapshotId", &self.snapshot),
            text("volumeSize", self.size),
            text("deleteOnTermination", true),
            text("volumeType", "gp3"),
            text("encrypted", false),
        ];
        let disk = [
            text("deviceName", &self.device),
            element("ebs", &disk.concat()),
        ];
        // Of one that is just being made none is told yet.
        let disks = (self.state == "available").then(|| disk.concat());
        [
            text("imageId", &self.id),
            text("imageLocation", format!("{}/{}", self.owner, self.name)),
            text("imageState", self.state),
            text("imageOwnerId", self.owner),
            text("creationDate", &self.made_at),
            text("isPublic", self.owner != ACCOUNT),
            text("architecture", "x86_64"),
            text("imageType", "machine"),
            text("name", &self.name),
            text("rootDeviceType", "ebs"),
            text("rootDeviceName", &self.device),
            items("blockDeviceMapping", disks),
            text("virtualizationType", "hvm"),
            items("tagSet", shown_tags(&self.tags)),
            text("hypervisor", "xen"),
        ]
        .concat()
    }
}

fn shown_volume(instance: &Instance) -> String {
    let volume = &instance.volume;
    let attachment = [
        text("volumeId", &volume.id),
        text("instanceId", &instance.id),
        text("device", &volume.device),
        text("status", "attached"),
        text("attachTime", &instance.made_at),
        text("deleteOnTermination", true),
    ];
    [
        text("volumeId", &volume.id),
        text("size", volume.size),
        text("availabilityZone", format!("{}a", instance.region)),
        text("status", "in-use"),
        text("createTime", &instance.made_at),
        items("attachmentSet", [attachment.concat()]),
        items("tagSet", shown_tags(&volume.tags)),
        text("volumeType", &volume.kind),
        text("encrypted", false),
    ]
    .concat()
}

fn no_volume(id: &str) -> Refusal {
    let message = format!("The volume '{id}' does not exist.");
    refuse(400, "InvalidVolume.NotFound", message)
}

fn no_image(id: &str) -> Refusal {
    let message = format!("The image id '[{id}]' does not exist");
    refuse(400, "InvalidAMIID.NotFound", message)
}
