//! Snapshots of an instance's disk: taken, listed, deleted. Going back to one is in `restore`.
//!
//! Each verb waits for Incus's operation, so that its end is known when it returns. What must stay true: one that is only
//! half made is never listed, since who looks for it after a crash would take it for made.

use reqwest::Method;
use serde_json::json;

use super::operations::USUAL_LIMIT;
use super::wire::{self, timestamp};
use super::{Incus, names};
use crate::cloud::{CloudResult, ErrorClass, InstanceRef, Snapshot};

// === impl Incus ===

impl Incus {
    pub(super) async fn take_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let path = ["instances", names::checked(at)?, "snapshots"];
        let body = json!({ "name": names::snapshot(name)?, "stateful": false });
        self.client
            .run(Method::POST, &path, Some(&body), USUAL_LIMIT)
            .await
    }

    /// Incus shows a snapshot before it has copied its disk, and takes it back where the copy fails; so nothing may be under
    /// way.
    pub(super) async fn list_snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        let id = names::checked(at)?;
        self.quiet_within(id, USUAL_LIMIT).await?;
        let path = ["instances", id, "snapshots"];
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
            size_bytes: u64::try_from(snapshot.size).ok().filter(|size| *size > 0),
        };
        Ok(seen.into_iter().map(shown).collect())
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
