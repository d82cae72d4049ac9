//! Disks, and the images of the account's own that are made of them.

use std::time::Instant;

use super::asked::{Asked, fits};
use super::calls::{Refusal, Reply, refuse};
use super::catalog::{self, ACCOUNT};
use super::instances::shown_tags;
use super::world::{Image, Instance, Kept, Snapshot, State, Volume, World, new_id, now};
use super::xml::{element, items, text};

// === impl World ===

impl World {
    pub(super) fn describe_volumes(&self, asked: &Asked) -> Reply {
        let ids = asked.fields.list("VolumeId");
        let filters = asked.fields.filters()?;
        let all = self.of(&asked.region);
        let seen = all.filter(|instance| instance.seen_from <= Instant::now());
        let attached = seen.filter(|instance| {
            let is_attached = |(name, values): &(String, Vec<String>)| {
                name == "attachment.instance-id"
                    && values.contains(&instance.id)
                    && instance.state != State::Terminated
            };
            filters.iter().all(is_attached)
        });
        let disks =
            attached.flat_map(|instance| instance.disks().map(move |disk| (instance, disk)));
        let found = disks.filter(|(_, disk)| ids.is_empty() || ids.contains(&disk.id));
        let shown: Vec<String> = found
            .map(|(instance, disk)| shown_volume(instance, disk))
            .collect();
        if shown.len() < ids.len() {
            return Err(no_volume(&ids[0]));
        }
        Ok(items("volumeSet", shown))
    }

    pub(super) fn modify_volume(&mut self, asked: &Asked) -> Reply {
        let id = asked.fields.must("VolumeId")?;
        let size = asked.fields.number("Size").unwrap_or_default();
        let pace = self.volume_pace;
        let all = self.instances.values_mut();
        let all = all.filter(|instance| instance.region == asked.region);
        let mut disks = all.flat_map(|instance| &mut instance.volumes);
        let volume = disks.find(|disk| disk.id == id);
        let volume = volume.ok_or_else(|| no_volume(id))?;
        if size < volume.size {
            let message = "New size cannot be smaller than existing size";
            return Err(refuse(400, "InvalidParameterValue", message));
        }
        // After one change Amazon takes no other for hours, which is for ever here.
        match volume.change {
            Some((_, at)) if Instant::now() < at => {
                let message = format!("{id} is being modified");
                return Err(refuse(400, "IncorrectModificationState", message));
            }
            Some(_) => {
                let message =
                    format!("You've reached the maximum modification rate per volume limit: {id}");
                return Err(refuse(400, "VolumeModificationRateExceeded", message));
            }
            None => {}
        }
        let change = (size, Instant::now() + pace);
        volume.change = Some(change);
        Ok(element("volumeModification", &modification(id, change)))
    }

    pub(super) fn describe_modifications(&self, asked: &Asked) -> String {
        let ids = asked.fields.list("VolumeId");
        let disks = self.of(&asked.region).flat_map(Instance::disks);
        let disks = disks.filter(|disk| ids.is_empty() || ids.contains(&disk.id));
        let changed = disks.filter_map(|disk| Some(modification(&disk.id, disk.change?)));
        items("volumeModificationSet", changed)
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
        let id = new_id("ami");
        let snapshot = |volume: &Volume| Snapshot {
            id: new_id("snap"),
            region: asked.region.clone(),
            volume: volume.id.clone(),
            size: volume.size,
            image: id.clone(),
            tags: fields.tags_of("snapshot"),
            made_at: now(),
        };
        let kept = |volume: &Volume| {
            let snapshot = snapshot(volume);
            let disk = Kept {
                device: volume.device.clone(),
                size: volume.size,
                snapshot: snapshot.id.clone(),
                goes: volume.goes,
            };
            (disk, snapshot)
        };
        let (disks, snapshots): (_, Vec<_>) = instance.volumes.iter().map(kept).unzip();
        let image = Image {
            id: id.clone(),
            region: asked.region.clone(),
            name,
            disks,
            tags: fields.tags_of("image"),
            made_at: now(),
            ready_at: Instant::now() + self.image_pace,
            unseen_by: self.image_looks,
        };
        self.snapshots.extend(snapshots);
        self.images.push(image);
        Ok(text("imageId", id))
    }

    pub(super) fn describe_images(&mut self, asked: &Asked) -> Reply {
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
        let own = self.images.iter_mut();
        let own = own.filter(|image| image.region == asked.region);
        let own = own.filter_map(|image| {
            let is_seen = image.unseen_by == 0;
            image.unseen_by = image.unseen_by.saturating_sub(1);
            is_seen.then_some(&*image)
        });
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

    /// What an instance from that image begins with.
    pub(super) fn disks_of(&self, region: &str, id: &str) -> Result<Vec<Kept>, Refusal> {
        let published = catalog::images().find(|image| image.id == id);
        if let Some(published) = published {
            return Ok(published.disks);
        }
        let mut own = self.images.iter();
        let own = own.find(|image| image.id == id && image.region == region);
        let own = own.ok_or_else(|| no_image(id))?;
        if Instant::now() < own.ready_at {
            let message = format!("The image ID '[{id}]' is not available");
            return Err(refuse(400, "InvalidAMIID.Unavailable", message));
        }
        Ok(own.disks.clone())
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
        let mut own = self.images.iter();
        if let Some(image) = own.find(|image| image.keeps(id)) {
            let message = format!("The snapshot {id} is currently in use by {}", image.id);
            return Err(refuse(400, "InvalidSnapshot.InUse", message));
        }
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
            let value = match name.strip_prefix("tag:") {
                Some(key) => snapshot.tags.get(key),
                None => Some(&snapshot.id).filter(|_| name == "snapshot-id"),
            };
            value.is_some_and(|value| values.iter().any(|wanted| fits(wanted, value)))
        };
        let is_pending = |snapshot: &Snapshot| {
            let mut own = self.images.iter();
            own.any(|image| image.keeps(&snapshot.id) && Instant::now() < image.ready_at)
        };
        let found = self.snapshots.iter().filter(|snapshot| {
            snapshot.region == asked.region && filters.iter().all(|filter| is(snapshot, filter))
        });
        let shown = found.map(|snapshot| {
            [
                text("snapshotId", &snapshot.id),
                text("volumeId", &snapshot.volume),
                text(
                    "status",
                    if is_pending(snapshot) {
                        "pending"
                    } else {
                        "completed"
                    },
                ),
                text("startTime", &snapshot.made_at),
                text("progress", "100%"),
                text("ownerId", ACCOUNT),
                text("volumeSize", snapshot.size),
                items("tagSet", shown_tags(&snapshot.tags)),
            ]
            .concat()
        });
        Ok(items("snapshotSet", shown))
    }
}

// === impl Image ===

impl Image {
    /// Whether it brings what that snapshot is of.
    fn keeps(&self, snapshot: &str) -> bool {
        let mut disks = self.disks.iter();
        disks.any(|disk| disk.snapshot == snapshot)
    }
}

/// An image as it is shown.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) owner: &'static str,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) made_at: String,
    pub(super) disks: Vec<Kept>,
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
            disks: image.disks.clone(),
            tags: image.tags.clone(),
        }
    }
}

impl Shown {
    fn written(&self) -> String {
        let shown = |disk: &Kept| {
            let ebs = [
                text("snapshotId", &disk.snapshot),
                text("volumeSize", disk.size),
                text("deleteOnTermination", disk.goes),
                text("volumeType", "gp3"),
                text("encrypted", false),
            ];
            let ebs = element("ebs", &ebs.concat());
            [text("deviceName", &disk.device), ebs].concat()
        };
        // Of one that is just being made none is told yet.
        let disks = self.disks.iter().filter(|_| self.state == "available");
        let disks = disks.map(shown);
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
            text("rootDeviceName", &self.disks[0].device),
            items("blockDeviceMapping", disks),
            text("virtualizationType", "hvm"),
            items("tagSet", shown_tags(&self.tags)),
            text("hypervisor", "xen"),
        ]
        .concat()
    }
}

fn shown_volume(instance: &Instance, volume: &Volume) -> String {
    let is_attached = instance.state != State::Terminated;
    let attachment = [
        text("volumeId", &volume.id),
        text("instanceId", &instance.id),
        text("device", &volume.device),
        text("status", "attached"),
        text("attachTime", &instance.made_at),
        text("deleteOnTermination", volume.goes),
    ];
    [
        text("volumeId", &volume.id),
        text("size", volume.size),
        text("availabilityZone", format!("{}a", instance.region)),
        text("status", if is_attached { "in-use" } else { "available" }),
        text("createTime", &instance.made_at),
        items("attachmentSet", is_attached.then(|| attachment.concat())),
        items("tagSet", shown_tags(&volume.tags)),
        text("volumeType", &volume.kind),
        text("encrypted", false),
    ]
    .concat()
}

fn modification(id: &str, (size, at): (u64, Instant)) -> String {
    let state = if Instant::now() < at {
        "modifying"
    } else {
        "completed"
    };
    [
        text("volumeId", id),
        text("modificationState", state),
        text("targetSize", size),
        text("startTime", now()),
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
