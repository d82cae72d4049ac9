//! Snapshots.

use domain::snapshot::{Snapshot, SnapshotState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::numbers::Key;

/// A snapshot to be taken.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateSnapshotRequest {
    /// The server's.
    pub(crate) id: Option<Key>,
    /// Another name of `id`.
    pub(crate) subscription_id: Option<Key>,
    pub(crate) name: String,
}

/// A snapshot, by its id.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SnapshotRequest {
    pub(crate) id: Option<Key>,
    /// Another name of `id`.
    pub(crate) snapshot_id: Option<Key>,
}

/// A snapshot.
#[derive(Serialize, ToSchema)]
pub(crate) struct SnapshotResponse {
    id: i64,
    name: String,
    /// Its server's id.
    subscription_id: i64,
    /// The server's disk, in GB.
    disk: u64,
    /// How much room it takes, in GB; 0 where that is not known.
    size: f64,
    region: String,
    image: String,
    state: &'static str,
    created_at: String,
    /// Why it could not be made or destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

// === impl SnapshotResponse ===

impl From<Snapshot> for SnapshotResponse {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            id: snapshot.id.0,
            name: snapshot.name,
            subscription_id: snapshot.server_id.0,
            disk: snapshot.disk_gib,
            size: gigabytes(snapshot.size_bytes.unwrap_or(0)),
            region: snapshot.region,
            image: snapshot.image,
            state: match snapshot.state {
                SnapshotState::Creating => "Creating",
                SnapshotState::Available => "Available",
                SnapshotState::Destroying => "Destroying",
                SnapshotState::Failed => "Error",
            },
            created_at: snapshot.created_at.rfc3339(),
            error: snapshot.error,
        }
    }
}

/// With two places.
fn gigabytes(bytes: u64) -> f64 {
    let hundredths = bytes.saturating_mul(100).div_ceil(1 << 30);
    f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
}
