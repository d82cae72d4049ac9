//! Snapshots of a droplet's disk: taken, listed, gone back to, deleted.
//!
//! Taking one and going back wait for DigitalOcean's action. What must stay true: those that Arcus took are told by
//! their names from those of other people, and are the only ones deleted when their droplet has gone; all outlive it; and
//! one that is just being taken, which no list shows, is waited for before any is deleted, since it costs money when it is
//! there.

use domain::Money;
use reqwest::Method;
use serde_json::json;

use super::wire;
use super::{DigitalOcean, droplets, errors, names};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef, Snapshot, SnapshotRef};
use crate::each::Each;
use crate::text::{decimal, timestamp};

// === impl DigitalOcean ===

impl DigitalOcean {
    /// One of that name that is there already, or just being taken, as after a crash that lost the answer, is the one.
    pub(super) async fn take_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let id = names::id(at)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(errors::rejected("a snapshot needs a name"));
        }
        self.settle_snapshots(at).await?;
        if self.snapshot_named(at, name).await?.is_some() {
            return Ok(());
        }
        let body = json!({ "type": "snapshot", "name": names::snapshot(id, name) });
        self.run(id, &body)
            .await
            .map_err(|error| droplets::gone(error, at))
    }

    pub(super) async fn list_snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        let id = names::id(at)?;
        self.settle_snapshots(at).await?;
        let seen = self.snapshots_at(at).await?;
        let shown = |snapshot: wire::Snapshot| Snapshot {
            name: names::read_snapshot(id, &snapshot.name).0.to_owned(),
            created_at: timestamp(&snapshot.created_at),
            size_bytes: snapshot.size_gigabytes.and_then(|size| bytes(size.get())),
        };
        Ok(seen.into_iter().map(shown).collect())
    }

    pub(super) async fn go_back_to_snapshot(
        &self,
        at: &InstanceRef,
        name: &str,
        mark: &str,
    ) -> CloudResult<()> {
        let droplet = self.describe(at).await?;
        let snapshot = self.snapshot_named(at, name).await?;
        let snapshot = snapshot.ok_or_else(|| {
            CloudError::new(
                ErrorClass::NotFound,
                format!("there is no snapshot {name} of the droplet {}", at.id),
            )
        })?;
        let body = json!({ "type": "restore", "image": snapshot.id });
        self.run_once(at, &droplet, "restore", &body, mark).await
    }

    /// One that is gone already is a success. It may have outlived its droplet.
    pub(super) async fn delete_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let seen = match self.settle_snapshots(at).await {
            Ok(()) => self.snapshot_named(at, name).await,
            Err(error) => Err(error),
        };
        let snapshot = match seen {
            Ok(snapshot) => snapshot.map(|snapshot| snapshot.id.to_string()),
            Err(error) if error.class == ErrorClass::NotFound => self.id_of_gone(at, name).await?,
            Err(error) => return Err(error),
        };
        match snapshot {
            Some(snapshot) => self.delete_snapshot_with(&snapshot).await,
            None => Ok(()),
        }
    }

    /// Deletes those that Arcus took of a droplet which is gone: the account still tells whose they were.
    pub(super) async fn delete_snapshots_of_gone(&self, at: &InstanceRef) -> CloudResult<()> {
        let mut each = Each::default();
        for snapshot in self.snapshots_of_gone(at).await? {
            let deleted = self.delete_snapshot_with(&snapshot.id).await;
            each.note(&format!("the snapshot {}", snapshot.id), deleted)?;
        }
        each.end()
    }

    /// That of ours of that name which has outlived its droplet.
    async fn id_of_gone(&self, at: &InstanceRef, name: &str) -> CloudResult<Option<String>> {
        let id = names::id(at)?;
        let mut left = self.snapshots_of_gone(at).await?.into_iter();
        let found = left.find(|one| names::read_snapshot(id, &one.name).0 == name);
        Ok(found.map(|one| one.id))
    }

    /// Those that Arcus took of a droplet, by the account's list, which it needs not be there for.
    pub(super) async fn snapshots_of_gone(
        &self,
        at: &InstanceRef,
    ) -> CloudResult<Vec<wire::AccountSnapshot>> {
        let id = names::id(at)?;
        let of = id.to_string();
        let parameters = [("resource_type", "droplet")];
        let mut kept: Vec<wire::AccountSnapshot> =
            self.client.list(&["snapshots"], &parameters).await?;
        kept.retain(|one| one.resource_id == of && names::read_snapshot(id, &one.name).1);
        Ok(kept)
    }

    /// Waits for one that is just being taken, which may take hours.
    pub(super) async fn settle_snapshots(&self, at: &InstanceRef) -> CloudResult<()> {
        let settled = self.settle(names::id(at)?, "snapshot").await;
        settled.map_err(|error| droplets::gone(error, at))
    }

    /// The image that a new droplet begins as, which may have outlived its own. One that is gone will not come back.
    pub(super) async fn image_of(&self, snapshot: &SnapshotRef) -> CloudResult<u64> {
        let (of, name) = (&snapshot.of, &snapshot.name);
        let found = match self.snapshot_named(of, name).await {
            Ok(found) => found.map(|found| found.id),
            Err(error) if error.class == ErrorClass::NotFound => {
                let id = self.id_of_gone(of, name).await?;
                id.and_then(|id| id.parse().ok())
            }
            Err(error) => return Err(error),
        };
        found.ok_or_else(|| errors::rejected(format!("the snapshot {name} is gone")))
    }

    /// Ours before another one's that is called the same.
    async fn snapshot_named(
        &self,
        at: &InstanceRef,
        name: &str,
    ) -> CloudResult<Option<wire::Snapshot>> {
        let id = names::id(at)?;
        let mut seen = self.snapshots_at(at).await?;
        seen.retain(|snapshot| names::read_snapshot(id, &snapshot.name).0 == name);
        let ours = seen
            .iter()
            .position(|snapshot| names::read_snapshot(id, &snapshot.name).1);
        let found = ours.unwrap_or(0);
        Ok((found < seen.len()).then(|| seen.swap_remove(found)))
    }

    async fn snapshots_at(&self, at: &InstanceRef) -> CloudResult<Vec<wire::Snapshot>> {
        let id = names::id(at)?.to_string();
        let seen = self.client.list(&["droplets", &id, "snapshots"], &[]).await;
        seen.map_err(|error| droplets::gone(error, at))
    }

    async fn delete_snapshot_with(&self, id: &str) -> CloudResult<()> {
        let path = ["snapshots", id];
        match self.client.change(Method::DELETE, &path, None).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            deleted => deleted,
        }
    }
}

/// How many bytes so many gigabytes are, by the digits that were sent; what is not counted yet is not known.
fn bytes(gigabytes: &str) -> Option<u64> {
    let Money(millionths) = decimal(gigabytes)?;
    let bytes = u64::try_from(millionths).ok()?.checked_mul(1 << 30)? / 1_000_000;
    (bytes > 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_bytes_and_one_of_nothing_is_not_known() {
        assert_eq!(bytes("2.5"), Some(5 << 29));
        assert_eq!(bytes("0"), None);
    }
}
