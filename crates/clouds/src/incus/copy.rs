//! An instance that begins as a snapshot of another one, and gets an identity of its own before its first start.
//!
//! Incus hands on more than the disk: the source's settings and devices, its reserved address among them, and on the
//! disk its machine id and what our own provisioning left. So the copy is made without being started and marked
//! ([`COPIED`]) by the call that makes it; [`make_its_own`](Incus::make_its_own) takes all of that away, and the mark
//! last. What must stay true: whoever starts an instance calls it first (`create`, `power`), so that a crash at any
//! point leaves nothing that starts as somebody else. The rest is cloud-init's, which the new instance id makes run anew:
//! host name, host keys, users.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::create::{CPUS, Devices, MEMORY, NESTING, USER_DATA};
use super::operations::USUAL_LIMIT;
use super::power::STOPPED;
use super::shown::{INSTALLATION, NAME, TOKEN};
use super::{Incus, names, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, SnapshotRef};

/// The mark: its value names the devices that are the copy's own.
pub(super) const COPIED: &str = "user.arcus.copied";

/// What a create may set. Anything else that a copy has is its source's.
const OWN: &[&str] = &[INSTALLATION, TOKEN, NAME, CPUS, MEMORY, USER_DATA, NESTING];

/// What Incus keeps for itself: of its image, and of this very instance.
const INCUS_OWN: &[&str] = &["image.", "volatile."];

const MACHINE_ID: &str = "/etc/machine-id";

/// What would be taken for the new instance's: D-Bus's copy of the machine id (made again at every start), and the
/// result and the log of an earlier provisioning (`control::provision`).
const LEFT_OVER: &[&str] = &[
    "/var/lib/dbus/machine-id",
    "/var/lib/arcus/provision.json",
    "/var/log/arcus-provision.log",
];

/// Makes the settings of a create those of a copy: marked, and with nothing inherited that a create may set.
pub(super) fn mark(config: &mut Map<String, Value>, own: &Devices) {
    for key in OWN {
        config.entry(*key).or_insert_with(|| Value::from(""));
    }
    let names: Vec<&str> = own.keys().map(String::as_str).collect();
    config.insert(COPIED.to_owned(), Value::from(names.join(",")));
}

/// A snapshot that isn't there is no instance that isn't there yet: trying again is of no use.
pub(super) fn no_snapshot(error: CloudError) -> CloudError {
    if error.class == ErrorClass::NotFound {
        CloudError::new(
            ErrorClass::Rejected,
            "the snapshot is gone; nothing was made of it",
        )
    } else {
        error
    }
}

// === impl Incus ===

impl Incus {
    /// The source of a copy, as Incus's requests name it.
    pub(super) fn snapshot_source(&self, snapshot: &SnapshotRef) -> CloudResult<Value> {
        if self.options.vm {
            // Their disks can't be reached while they are off, so that two machines would have one machine id.
            return Err(CloudError::unsupported(
                "virtual machines can't be made from a snapshot here",
            ));
        }
        let of = names::checked(&snapshot.of).map_err(no_snapshot)?;
        let source = format!("{of}/{}", names::snapshot(&snapshot.name)?);
        Ok(json!({ "type": "copy", "source": source, "instance_only": true }))
    }

    /// Takes away what a copy that was never started has of its source. Does nothing to other instances, and may be done
    /// again after a crash.
    pub(super) async fn make_its_own(&self, instance: &wire::Instance) -> CloudResult<()> {
        let Some(own) = instance.config.get(COPIED) else {
            return Ok(());
        };
        // Who runs already as somebody else can't be helped without harm.
        if instance.status != STOPPED {
            return Ok(());
        }
        let own: Vec<&str> = own.split(',').collect();
        let id = instance.name.as_str();
        for file in LEFT_OVER {
            self.remove_file(id, file).await?;
        }
        // Empty and not missing: systemd then makes one, and doesn't take the start for the first one ever.
        self.client.write_file(id, MACHINE_ID, "").await?;
        let path = ["instances", id];
        let mut whole: Value = self.client.get(&path).await?;
        if let Some(config) = whole["config"].as_object_mut() {
            config.retain(|key, _| is_its_own(key));
        }
        if let Some(devices) = whole["devices"].as_object_mut() {
            devices.retain(|name, _| own.contains(&name.as_str()));
        }
        self.client
            .run(Method::PUT, &path, Some(&whole), USUAL_LIMIT)
            .await
    }

    /// One that is gone already is a success.
    async fn remove_file(&self, id: &str, file: &str) -> CloudResult<()> {
        let path = ["instances", id, "files"];
        match self
            .client
            .change(Method::DELETE, &path, &[("path", file)], None)
            .await
        {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            result => result.map(drop),
        }
    }
}

fn is_its_own(key: &str) -> bool {
    OWN.contains(&key) || INCUS_OWN.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_a_create_set_and_what_incus_keeps_and_loses_its_mark() {
        for key in [TOKEN, USER_DATA, "volatile.eth0.hwaddr", "image.os"] {
            assert!(is_its_own(key), "{key}");
        }
        for key in [COPIED, "boot.autostart", "security.privileged", "user.note"] {
            assert!(!is_its_own(key), "{key}");
        }
    }

    #[test]
    fn nothing_that_a_create_may_set_is_inherited() {
        let mut config = Map::from_iter([(TOKEN.to_owned(), Value::from("mine"))]);
        let own = Devices::from_iter([("root".to_owned(), wire::Device::new())]);
        mark(&mut config, &own);
        assert_eq!(config[TOKEN], "mine");
        assert_eq!(config[NESTING], "");
        assert_eq!(config[COPIED], "root");
    }
}
