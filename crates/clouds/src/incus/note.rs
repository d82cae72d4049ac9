//! What an instance was like before a restore, written down where a restore doesn't reach: in a profile that no instance
//! uses.
//!
//! Called by `restore`. What must stay true: a note is of one restore alone, that of its mark, since to another one an old
//! note would lie.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::create::Devices;
use super::errors::is_final;
use super::shown::is_running;
use super::wire::Profile;
use super::{Incus, errors, wire};
use crate::cloud::{CloudResult, ErrorClass};

/// What belongs to the disk and goes back with it: what cloud-init was told and did, and Incus's own notes.
const OF_THE_DISK: &[&str] = &["cloud-init.", "image.", "volatile."];

/// Of an instance, the same as long as there is it.
const UUID: &str = "volatile.uuid";

/// The profile's key that holds the note.
const NOTE: &str = "user.arcus.before";

/// What an instance was like.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Note {
    /// Before which restore.
    pub(super) mark: String,
    /// Whether it ran.
    pub(super) ran: bool,
    pub(super) description: String,
    config: BTreeMap<String, String>,
    devices: Devices,
}

// === impl Incus ===

impl Incus {
    /// Writes a note down, in place of the one of any earlier restore.
    pub(super) async fn write_down(
        &self,
        instance: &str,
        profile: &str,
        note: &Note,
    ) -> CloudResult<()> {
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
                tracing::info!(instance, %error, "what it is like can't be written down");
            }
            written => written?,
        }
        Ok(())
    }

    /// The note of an earlier try of that restore.
    pub(super) async fn note_of(&self, profile: &str, mark: &str) -> CloudResult<Option<Note>> {
        let written = match self.client.get::<Profile>(&["profiles", profile]).await {
            Err(error) if is_final(&error) || error.class == ErrorClass::Auth => return Ok(None),
            written => written?,
        };
        let text = written.config.get(NOTE).map(String::as_str);
        let note = serde_json::from_str::<Note>(text.unwrap_or_default()).ok();
        Ok(note.filter(|note| note.mark == mark))
    }

    pub(super) async fn forget(&self, profile: &str) {
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
    pub(super) fn on(instance: &wire::Instance, mark: &str) -> Self {
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

    /// Those of its settings that an instance doesn't have any more; those that were not there are emptied.
    pub(super) fn lost_settings(&self, after: &wire::Instance) -> Map<String, Value> {
        lost_settings(&self.config, &after.config)
    }

    /// Those of its devices that an instance doesn't have any more.
    pub(super) fn lost_devices(&self, after: &wire::Instance) -> Map<String, Value> {
        lost_devices(&self.devices, &after.devices)
    }
}

/// The profile that holds the note; another instance of the same name has another.
pub(super) fn profile_for(instance: &wire::Instance) -> String {
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
