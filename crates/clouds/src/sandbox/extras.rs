//! Snapshots, passwords, and the marks of changes that are not to be done twice.

use domain::{Timestamp, random};
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::faults::Faults;
use super::guest;
use super::truth::{Change, lost};
use crate::cloud::{CloudError, CloudResult, ErrorClass, Snapshot};

/// How often a password's hash is hashed over. The file is its owner's alone and the servers are not real; this is so
/// that what a person typed there is not had for nothing.
const ROUNDS: u32 = 10_000;

/// An instance's snapshots, the oldest first.
pub(super) async fn snapshots(
    on: &mut SqliteConnection,
    instance: i64,
    faults: &Faults,
) -> CloudResult<Vec<Snapshot>> {
    let query = sqlx::query(
        "SELECT name, disk, created_at FROM snapshots WHERE instance = $1 \
         ORDER BY created_at, name",
    );
    let rows = query.bind(instance).fetch_all(on).await.map_err(lost)?;
    let decode = |row: &sqlx::sqlite::SqliteRow| {
        let created_at = Some(Timestamp(row.try_get("created_at")?));
        Ok(Snapshot {
            name: row.try_get("name")?,
            created_at,
            size_bytes: Some(guest::disk_usage(row.try_get("disk")?, faults)),
        })
    };
    rows.iter()
        .map(decode)
        .collect::<sqlx::Result<_>>()
        .map_err(lost)
}

/// Whether that is the hash of the password which was set last.
pub(super) async fn password_hash_is(
    on: &mut SqliteConnection,
    instance: i64,
    user: &str,
    password_hash: &str,
) -> CloudResult<bool> {
    let query = sqlx::query_scalar("SELECT hash FROM passwords WHERE instance = $1 AND user = $2");
    let kept = query
        .bind(instance)
        .bind(user)
        .fetch_optional(on)
        .await
        .map_err(lost)?;
    let kept: String = kept.unwrap_or_default();
    Ok(kept
        .split_once(':')
        .is_some_and(|(salt, _)| hashed(salt, password_hash) == kept))
}

/// What is kept of a password's hash: `salt:hash`. Slow on purpose, so done before the file is held.
pub(super) fn hash_of(password_hash: &str) -> String {
    hashed(&random::hex::<16>(), password_hash)
}

fn hashed(salt: &str, password_hash: &str) -> String {
    let first = Sha256::digest(format!("{salt}:{password_hash}"));
    let last = (0..ROUNDS).fold(first, |hash, _| Sha256::digest(hash));
    format!("{salt}:{}", hex::encode(last))
}

// === impl Change: snapshots, passwords, marks ===

impl Change {
    /// Writes down that an instance has the change of that mark, with the change itself; false where it had it before.
    pub(super) async fn bear(&mut self, instance: i64, mark: &str) -> CloudResult<bool> {
        let query = sqlx::query(
            "INSERT INTO marks (instance, mark) VALUES ($1, $2) \
             ON CONFLICT (instance) DO UPDATE SET mark = excluded.mark WHERE mark <> excluded.mark",
        );
        let query = query.bind(instance).bind(mark);
        let done = query.execute(self.on()).await.map_err(lost)?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes a snapshot of a disk.
    pub(super) async fn take(&mut self, instance: i64, disk: &str, name: &str) -> CloudResult<()> {
        let now = self.now;
        let query = sqlx::query(
            "INSERT INTO snapshots (instance, name, disk, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        );
        let query = query.bind(instance).bind(name).bind(disk).bind(now.0);
        let done = query.execute(self.on()).await.map_err(lost)?;
        if done.rows_affected() == 0 {
            let message = format!("there is a snapshot {name} already");
            return Err(CloudError::new(ErrorClass::Rejected, message));
        }
        Ok(())
    }

    /// The disk as it was when the snapshot was taken.
    pub(super) async fn snapshot_disk(&mut self, instance: i64, name: &str) -> CloudResult<String> {
        let query =
            sqlx::query_scalar("SELECT disk FROM snapshots WHERE instance = $1 AND name = $2");
        let disk = query
            .bind(instance)
            .bind(name)
            .fetch_optional(self.on())
            .await;
        disk.map_err(lost)?.ok_or_else(|| no_snapshot(name))
    }

    /// Deletes a snapshot.
    pub(super) async fn drop_snapshot(&mut self, instance: i64, name: &str) -> CloudResult<()> {
        let query = sqlx::query("DELETE FROM snapshots WHERE instance = $1 AND name = $2");
        let done = query
            .bind(instance)
            .bind(name)
            .execute(self.on())
            .await
            .map_err(lost)?;
        if done.rows_affected() == 0 {
            Err(no_snapshot(name))
        } else {
            Ok(())
        }
    }

    /// Keeps what is kept of a password's hash.
    pub(super) async fn set_password(
        &mut self,
        instance: i64,
        user: &str,
        hash: &str,
    ) -> CloudResult<()> {
        let query = sqlx::query(
            "INSERT INTO passwords (instance, user, hash) VALUES ($1, $2, $3) \
             ON CONFLICT (instance, user) DO UPDATE SET hash = excluded.hash",
        );
        query
            .bind(instance)
            .bind(user)
            .bind(hash)
            .execute(self.on())
            .await
            .map_err(lost)?;
        Ok(())
    }
}

fn no_snapshot(name: &str) -> CloudError {
    CloudError::new(ErrorClass::NotFound, format!("there is no snapshot {name}"))
}
