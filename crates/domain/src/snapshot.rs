//! Snapshots: a server's disk as it was at a moment. They belong to their server, and go with it; one that its cloud keeps all
//! the same is shown until it is gone.

use std::str::FromStr;

use crate::error::Error;
use crate::ids::{OrganisationId, ServerId, SnapshotId};
use crate::server::words;
use crate::time::Timestamp;

/// A server's disk as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its key.
    pub id: SnapshotId,
    /// Whose.
    pub organisation_id: OrganisationId,
    /// Of which server.
    pub server_id: ServerId,
    /// What people read; unique among its server's.
    pub name: String,
    /// Its name at the cloud.
    pub cloud_name: String,
    /// In which region.
    pub region: String,
    /// The slug of the image that its server had.
    pub image: String,
    /// How large its server's disk was, in GiB: a server that is made from it has no smaller one.
    pub disk_gib: u64,
    /// How much room it takes, where its cloud says so.
    pub size_bytes: Option<u64>,
    /// How far it is.
    pub state: SnapshotState,
    /// Why it could not be made or destroyed.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// How far a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotState {
    /// It was asked for.
    Creating,
    /// It can be restored.
    Available,
    /// It is going.
    Destroying,
    /// It could not be made, or its cloud keeps it after its server; its error says why.
    Failed,
}

words!(SnapshotState {
    Creating = "creating",
    Available = "available",
    Destroying = "destroying",
    Failed = "failed",
});
