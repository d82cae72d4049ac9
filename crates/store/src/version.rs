//! Whether anything was committed since: what a reader who keeps an answer asks before giving it again.
//!
//! Called by `control`. What must stay true: two versions are equal only where every read between them sees the same, by
//! whatever process the database was written; in doubt they differ.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, PgPool};
use tokio::sync::Mutex;

use crate::dialect;

/// How the database stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(At);

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// SQLite counts the commits of all others for each connection by itself: counts of one connection are compared.
    Sqlite { connection: u64, count: i64 },
    /// What is visible: a commit of a transaction that wrote always changes it.
    Postgres(String),
}

/// The connection of SQLite's that only watches. Shared by cloning.
#[derive(Clone)]
pub(crate) struct Watcher {
    options: SqliteConnectOptions,
    opened: Arc<AtomicU64>,
    connection: Arc<Mutex<Option<(u64, SqliteConnection)>>>,
}

// === impl Watcher ===

impl Watcher {
    pub(crate) fn new(options: SqliteConnectOptions) -> Self {
        Self {
            options,
            opened: Arc::default(),
            connection: Arc::default(),
        }
    }

    pub(crate) async fn version(&self) -> Result<Version> {
        let mut place = self.connection.lock().await;
        // Taken out: one that fails, or whose caller goes away half-way, is not used again.
        let (number, mut connection) = if let Some(open) = place.take() {
            open
        } else {
            let connection = self.options.connect().await.map_err(dialect::error)?;
            (self.opened.fetch_add(1, Ordering::Relaxed), connection)
        };
        let count = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut connection)
            .await
            .map_err(dialect::error)?;
        *place = Some((number, connection));
        Ok(Version(At::Sqlite {
            connection: number,
            count,
        }))
    }
}

pub(crate) async fn of_postgres(pool: &PgPool) -> Result<Version> {
    sqlx::query_scalar("SELECT pg_current_snapshot()::text")
        .fetch_one(pool)
        .await
        .map(|snapshot| Version(At::Postgres(snapshot)))
        .map_err(dialect::error)
}
