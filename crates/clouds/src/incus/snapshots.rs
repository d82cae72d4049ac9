//! Snapshots of an instance's disk. Each verb waits for Incus's operation, so that its end is known when it returns.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::create::{CPUS, MEMORY};
use super::operations::USUAL_LIMIT;
use super::shown::{INSTALLATION, NAME, TOKEN};
use super::wire::{self, timestamp};
use super::{Incus, names};
use crate::cloud::{CloudResult, ErrorClass, InstanceRef, Snapshot};

/// What is the instance's and not the snapshot's.
const KEPT: &[&str] = &[INSTALLATION, TOKEN, NAME, CPUS, MEMORY];

// === impl Incus ===

impl Incus {
    pub(super) async fn take_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let path = ["instances", names::checked(at)?, "snapshots"];
        let body = json!({ "name": names::snapshot(name)?, "stateful": false });
        self.client
            .run(Method::POST, &path, Some(&body), USUAL_LIMIT)
            .await
    }

    pub(super) async fn list_snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        let path = ["instances", names::checked(at)?, "snapshots"];
        let seen: Vec<wire::Snapshot> = self.client.query(&path, &[("recursion", "1")]).await?;
        let shown = |snapshot: wire::Snapshot| Snapshot {
            // Some versions answer INSTANCE/SNAPSHOT.
            name: snapshot
                .name
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned(),
            created_at: timestamp(&snapshot.created_at),
            size_bytes: None,
        };
        Ok(seen.into_iter().map(shown).collect())
    }

    /// Incus switches a running instance off for this, and on again. It also puts back what the instance was called,
    /// whose it was and how large; only the disk is asked for, so those are set again.
    pub(super) async fn go_back_to_snapshot(
        &self,
        at: &InstanceRef,
        name: &str,
    ) -> CloudResult<()> {
        let path = ["instances", names::checked(at)?];
        let body = json!({ "restore": names::snapshot(name)? });
        let before = self.describe(at).await?;
        self.client
            .run(Method::PUT, &path, Some(&body), USUAL_LIMIT)
            .await?;
        let after = self.describe(at).await?;
        let lost: Map<String, Value> = before
            .config
            .iter()
            .filter(|(key, value)| {
                KEPT.contains(&key.as_str()) && after.config.get(*key) != Some(*value)
            })
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        let root = before
            .root_disk()
            .filter(|root| after.root_disk() != Some(*root));
        if lost.is_empty() && root.is_none() {
            return Ok(());
        }
        let mut body = json!({ "config": lost });
        if let Some((name, root)) = root {
            body["devices"] = json!({ name: root });
        }
        self.patch_limits(&after, body).await
    }

    /// One that is gone already is a success, as long as its instance is there.
    pub(super) async fn delete_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let path = [
            "instances",
            names::checked(at)?,
            "snapshots",
            names::snapshot(name)?,
        ];
        match self
            .client
            .run(Method::DELETE, &path, None, USUAL_LIMIT)
            .await
        {
            Err(error) if error.class == ErrorClass::NotFound => self.describe(at).await.map(drop),
            result => result,
        }
    }
}
