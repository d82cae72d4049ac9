//! Going back to a snapshot: the disk and nothing else.
//!
//! Incus also puts back what the instance was called, whose it was, how large and at which address. So what it is like is
//! written down first, where a restore doesn't reach: in a profile that no instance uses ([`Note`]). What must stay true:
//! the note is there from before the restore until everything is as before again, so that the same call after a crash or
//! a lost answer puts the same things back, and not what the snapshot had; and no longer, since an old note would lie.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::create::Devices;
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
    /// To which snapshot it goes back.
    to: String,
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
    ) -> CloudResult<()> {
        let id = names::checked(at)?;
        let body = json!({ "restore": names::snapshot(name)? });
        let before = self.describe(at).await?;
        let profile = profile_for(&before);
        let (note, is_new) = self.write_down(&profile, &before, name).await?;
        let restored = self
            .client
            .run(Method::PUT, &["instances", id], Some(&body), USUAL_LIMIT)
            .await;
        match &restored {
            Err(error) if error.class == ErrorClass::OutcomeUnknown => return restored,
            Err(error) if !is_final(error) => {
                if is_new {
                    self.forget(&profile).await;
                }
                return restored;
            }
            _ => self.put_back(at, &note).await?,
        }
        self.forget(&profile).await;
        restored
    }

    /// Writes down what the instance is like, unless an earlier try of the same restore has: it may be as the snapshot has
    /// it by now. Also says whether the note is of this try.
    async fn write_down(
        &self,
        profile: &str,
        before: &wire::Instance,
        snapshot: &str,
    ) -> CloudResult<(Note, bool)> {
        let note = Note::on(before, snapshot);
        let body = json!({ "name": profile, "config": { NOTE: json!(note).to_string() } });
        let write = self
            .client
            .change(Method::POST, &["profiles"], &[], Some(&body))
            .await;
        match write {
            Err(error) if errors::is_taken(&error) => {
                let path = ["profiles", profile];
                let written: Profile = self.client.get(&path).await?;
                let earlier = written.config.get(NOTE).map(String::as_str);
                let earlier = serde_json::from_str::<Note>(earlier.unwrap_or_default());
                if let Some(earlier) = earlier.ok().filter(|earlier| earlier.to == note.to) {
                    return Ok((earlier, false));
                }
                self.client
                    .change(Method::PUT, &path, &[], Some(&body))
                    .await?;
            }
            // Not everyone may make profiles. Without a note only a crash in between does harm.
            Err(error) if matches!(error.class, ErrorClass::Auth | ErrorClass::Rejected) => {
                tracing::info!(instance = before.name, %error, "what it is like can't be written down");
            }
            other => drop(other?),
        }
        Ok((note, true))
    }

    async fn put_back(&self, at: &InstanceRef, note: &Note) -> CloudResult<()> {
        let mut after = self.describe(at).await?;
        let config = lost_settings(&note.config, &after.config);
        let devices = lost_devices(&note.devices, &after.devices);
        if !config.is_empty() || !devices.is_empty() || after.description != note.description {
            after.description.clone_from(&note.description);
            let body = json!({ "config": config, "devices": devices });
            self.patch_limits(&after, body).await?;
        }
        if note.ran && after.status == STOPPED {
            self.switch_on(&after.name).await?;
        }
        Ok(())
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
    fn on(instance: &wire::Instance, snapshot: &str) -> Self {
        let mut config = instance.config.clone();
        config.retain(|key, _| !is_of_the_disk(key));
        Self {
            to: snapshot.to_owned(),
            ran: is_running(&instance.status),
            description: instance.description.clone(),
            config,
            devices: instance.devices.clone(),
        }
    }
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

/// Incus has said no, and does nothing any more.
fn is_final(error: &CloudError) -> bool {
    matches!(
        error.class,
        ErrorClass::Rejected | ErrorClass::Quota | ErrorClass::NotFound
    )
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
