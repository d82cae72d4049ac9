//! Going back to a snapshot: the disk and nothing else.
//!
//! Incus also puts back what the instance was called, whose it was, how large and at which address. So what it is like is
//! written down first, where a restore doesn't reach: in a profile that no instance uses ([`Note`]). What must stay true:
//! the note is there from before the restore until everything is as before again, so that the same call after a crash or
//! a lost answer puts the same things back, and not what the snapshot had; and it is of one restore alone, that of its
//! mark, since to another one an old note would lie. The mark (`marks`) also tells whether Incus has done it already:
//!
//! | begun | note | what is left to do |
//! |---|---|---|
//! | no | no | all of it; or nothing, where the instance bears the mark |
//! | yes | perhaps | to write the note, to restore, to put back |
//! | no | yes | to put back: Incus took the first away with the other settings |

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::create::Devices;
use super::errors::is_final;
use super::marks::{BEGUN, MARK};
use super::operations::USUAL_LIMIT;
use super::power::STOPPED;
use super::shown::is_running;
use super::wire::Profile;
use super::{Incus, errors, names, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

/// What belongs to the disk and goes back with it: what cloud-init was told and did, and Incus's own notes.
const OF_THE_DISK: &[&str] = &["cloud-init.", "image.", "volatile."];

/// Of an instance, the same as long as there is it.
const UUID: &str = "volatile.uuid";

/// The profile's key that holds the note.
const NOTE: &str = "user.arcus.before";

/// What an instance was like.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// Before which restore.
    mark: String,
    ran: bool,
    description: String,
    config: BTreeMap<String, String>,
    devices: Devices,
}

// === impl Incus ===

impl Incus {
    /// Incus switches a running instance off for this, and on again.
    pub(super) async fn go_back_to_snapshot(
        &self,
        at: &InstanceRef,
        name: &str,
        mark: &str,
    ) -> CloudResult<()> {
        let id = names::checked(at)?;
        let name = names::snapshot(name)?;
        // How an earlier try ends is not to be seen before.
        self.quiet_within(id, USUAL_LIMIT).await?;
        let before = self.describe(at).await?;
        let profile = profile_for(&before);
        let note = match self.note_of(&profile, mark).await? {
            None if before.has_done(mark) => return Ok(()),
            None => self.begin_restore(&before, &profile, name, mark).await?,
            Some(note) if before.has_begun(mark) => note,
            Some(note) => return self.complete(at, &profile, &note).await,
        };
        let body = json!({ "restore": name });
        let restored = self
            .client
            .run(Method::PUT, &["instances", id], Some(&body), USUAL_LIMIT)
            .await;
        match &restored {
            // It may have been done all the same; the next try sees that by the mark.
            Err(error) if !is_final(error) => return restored,
            _ => {}
        }
        match self.complete(at, &profile, &note).await {
            Err(error) if !is_final(&error) => Err(error),
            completed => restored.and(completed),
        }
    }

    /// Marks it as begun, and writes down what it is like: in this order, since a note without that mark says that Incus
    /// has done it.
    async fn begin_restore(
        &self,
        before: &wire::Instance,
        profile: &str,
        snapshot: &str,
        mark: &str,
    ) -> CloudResult<Note> {
        let path = ["instances", &before.name, "snapshots", snapshot];
        // One that is gone is refused before anything is touched.
        self.client.get::<wire::Snapshot>(&path).await?;
        let note = Note::on(before, mark);
        if !before.has_begun(mark) {
            let begun = json!({ "config": { BEGUN: mark } });
            self.patch(before, begun).await?;
        }
        let body = json!({ "name": profile, "config": { NOTE: json!(note).to_string() } });
        let write = async |method, path: &[&str]| {
            let written = self.client.change(method, path, &[], Some(&body)).await;
            written.map(drop)
        };
        let mut written = write(Method::POST, &["profiles"]).await;
        if written.as_ref().is_err_and(errors::is_taken) {
            written = write(Method::PUT, &["profiles", profile]).await;
        }
        match written {
            // Not everyone may make profiles. Without a note only a crash in between does harm.
            Err(error) if matches!(error.class, ErrorClass::Auth | ErrorClass::Rejected) => {
                tracing::info!(instance = before.name, %error, "what it is like can't be written down");
            }
            written => written?,
        }
        Ok(note)
    }

    /// The note of an earlier try of that restore.
    async fn note_of(&self, profile: &str, mark: &str) -> CloudResult<Option<Note>> {
        let written = match self.client.get::<Profile>(&["profiles", profile]).await {
            Err(error) if is_final(&error) || error.class == ErrorClass::Auth => return Ok(None),
            written => written?,
        };
        let text = written.config.get(NOTE).map(String::as_str);
        let note = serde_json::from_str::<Note>(text.unwrap_or_default()).ok();
        Ok(note.filter(|note| note.mark == mark))
    }

    /// Puts back what is not the disk's, and forgets the note: also where that is refused for good, since nobody will ask
    /// for it again.
    async fn complete(&self, at: &InstanceRef, profile: &str, note: &Note) -> CloudResult<()> {
        let completed = self.put_back(at, note).await;
        if completed.as_ref().err().is_none_or(is_final) {
            self.forget(profile).await;
        }
        completed
    }

    /// Each of what was lost by itself, the limits first: what is refused, such as a disk that was larger, must not leave the
    /// rest as the snapshot has it.
    async fn put_back(&self, at: &InstanceRef, note: &Note) -> CloudResult<()> {
        let mut after = self.describe(at).await?;
        let mut config = lost_settings(&note.config, &after.config);
        if after.has_begun(&note.mark) {
            // It was refused, and is begun no more.
            config.insert(BEGUN.to_owned(), Value::from(""));
        } else {
            config.insert(MARK.to_owned(), Value::from(note.mark.as_str()));
        }
        after.description.clone_from(&note.description);
        let mut lost = vec![(
            "what it is called and its size".to_owned(),
            json!({ "config": config }),
        )];
        for (name, device) in lost_devices(&note.devices, &after.devices) {
            lost.push((
                format!("its device {name}"),
                json!({ "devices": { name: device } }),
            ));
        }
        let mut refused = None;
        for (what, body) in lost {
            match self.apply(&after, body).await {
                Err(error) if is_final(&error) => {
                    refused.get_or_insert_with(|| not_put_back(&what, &error));
                }
                applied => applied?,
            }
        }
        if note.ran && self.describe(at).await?.status == STOPPED {
            self.switch_on(&after.name).await?;
        }
        refused.map_or(Ok(()), Err)
    }

    async fn forget(&self, profile: &str) {
        let path = ["profiles", profile];
        match self.client.change(Method::DELETE, &path, &[], None).await {
            Err(error) if error.class != ErrorClass::NotFound => {
                tracing::warn!(profile, %error, "a note that nobody needs is left behind");
            }
            _ => {}
        }
    }
}

// === impl Note ===

impl Note {
    fn on(instance: &wire::Instance, mark: &str) -> Self {
        let mut config = instance.config.clone();
        config.retain(|key, _| !is_of_the_disk(key));
        Self {
            mark: mark.to_owned(),
            ran: is_running(&instance.status),
            description: instance.description.clone(),
            config,
            devices: instance.devices.clone(),
        }
    }
}

fn not_put_back(what: &str, error: &CloudError) -> CloudError {
    let reason = &error.message;
    CloudError::new(
        error.class,
        format!(
            "the disk was put back, but {what} could not be, and is as the snapshot has it: {reason}"
        ),
    )
}

/// The profile that holds the note; another instance of the same name has another.
fn profile_for(instance: &wire::Instance) -> String {
    let uuid = instance.config.get(UUID).unwrap_or(&instance.name);
    format!("arcus-restore-{uuid}")
}

/// The settings that are not what they were; those that were not there are emptied.
fn lost_settings(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Map<String, Value> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| !is_of_the_disk(key) && before.get(*key) != after.get(*key))
        .map(|key| {
            let value = before.get(key).map_or("", String::as_str);
            (key.clone(), Value::from(value))
        })
        .collect()
}

/// The devices that differ. One that only the snapshot has can't be taken away by the same call; it is made one that is
/// nothing.
fn lost_devices(before: &Devices, after: &Devices) -> Map<String, Value> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let nothing = || json!({ "type": "none" });
            let device = before
                .get(name)
                .map_or_else(nothing, |device| json!(device));
            (name.clone(), device)
        })
        .collect()
}

fn is_of_the_disk(key: &str) -> bool {
    OF_THE_DISK.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn settings_are_put_back_and_those_of_the_disk_are_left() {
        let before = map(&[("limits.cpu", "2"), ("user.arcus.token", "t")]);
        let after = map(&[
            ("limits.cpu", "1"),
            ("user.arcus.token", "t"),
            ("user.old", "x"),
            ("cloud-init.user-data", "old"),
            ("volatile.eth0.hwaddr", "m"),
        ]);
        let lost = json!({ "limits.cpu": "2", "user.old": "" });
        assert_eq!(Value::from(lost_settings(&before, &after)), lost);
    }

    #[test]
    fn a_device_that_only_the_snapshot_has_becomes_nothing() {
        let root = |size| map(&[("type", "disk"), ("size", size)]);
        let before = Devices::from([("root".to_owned(), root("5GiB"))]);
        let after = Devices::from([
            ("root".to_owned(), root("4GiB")),
            ("more".to_owned(), root("1GiB")),
        ]);
        let lost = json!({
            "root": { "type": "disk", "size": "5GiB" },
            "more": { "type": "none" },
        });
        assert_eq!(Value::from(lost_devices(&before, &after)), lost);
        assert!(lost_devices(&before, &before).is_empty());
    }
}
