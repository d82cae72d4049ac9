//! Whether anything was committed since: what a reader who keeps an answer asks before giving it again.
//!
//! Called by `control`. What must stay true: two versions are equal only where every read between them sees the same, by
//! whatever process the database was written; in doubt they differ. So there is always a version, and one that could not be
//! asked for is like no other: who asked reads anew, and learns by that what is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};
use tokio::sync::Mutex;

/// How long the database has to answer, or to be connected to.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the database stood at one moment.
#[derive(Debug, Clone, Default)]
pub struct Version(Option<At>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// SQLite counts the commits of all others for each connection by itself: counts of one connection are compared.
    Sqlite { connection: u64, count: i64 },
    /// What is visible, which a commit of a transaction that wrote always changes; and since when the server runs, for one
    /// that was restored, or took another's place, gives the same numbers again.
    Postgres(String),
}

/// The connection that only watches, apart from those that may be taken or slow. Shared by cloning.
#[derive(Clone)]
pub(crate) struct Watcher(Arc<Inner>);

struct Inner {
    options: Options,
    opened: AtomicU64,
    place: Mutex<Place>,
}

enum Options {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

enum Place {
    Empty,
    Sqlite(u64, SqliteConnection),
    Postgres(PgConnection),
    /// For good.
    Closed,
}

// === impl Version ===

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

// === impl Watcher ===

impl Watcher {
    pub(crate) fn of_sqlite(options: SqliteConnectOptions) -> Self {
        Self::new(Options::Sqlite(Box::new(options)))
    }

    pub(crate) fn of_postgres(options: PgConnectOptions) -> Self {
        Self::new(Options::Postgres(Box::new(options)))
    }

    fn new(options: Options) -> Self {
        Self(Arc::new(Inner {
            options,
            opened: AtomicU64::new(0),
            place: Mutex::new(Place::Empty),
        }))
    }

    pub(crate) async fn version(&self) -> Version {
        let mut place = self.0.place.lock().await;
        // What is asked of a connection stays in order: where this is dropped half-way, the next one asks on it.
        let asked = tokio::time::timeout(PATIENCE, self.0.ask(&mut place)).await;
        if let Ok(Ok(at)) = asked {
            return Version(at);
        }
        place.forget();
        Version(None)
    }

    /// Closes the connection, and opens none any more: where it was the last one, SQLite puts its journal into the file.
    pub(crate) async fn close(&self) {
        let mut place = self.0.place.lock().await;
        // One that can't be closed in order is closed all the same.
        let _ = match std::mem::replace(&mut *place, Place::Closed) {
            Place::Sqlite(_, connection) => connection.close().await,
            Place::Postgres(connection) => connection.close().await,
            Place::Empty | Place::Closed => Ok(()),
        };
    }
}

// === impl Inner ===

impl Inner {
    async fn ask(&self, place: &mut Place) -> Result<Option<At>, sqlx::Error> {
        if matches!(place, Place::Empty) {
            *place = self.open().await?;
        }
        match place {
            Place::Sqlite(number, connection) => {
                let count = sqlx::query_scalar("PRAGMA data_version").fetch_one(connection);
                let (connection, count) = (*number, count.await?);
                Ok(Some(At::Sqlite { connection, count }))
            }
            Place::Postgres(connection) => {
                let text =
                    "SELECT pg_current_snapshot()::text || ' ' || pg_postmaster_start_time()::text";
                let snapshot = sqlx::query_scalar(text).fetch_one(connection).await?;
                Ok(Some(At::Postgres(snapshot)))
            }
            Place::Empty | Place::Closed => Ok(None),
        }
    }

    async fn open(&self) -> Result<Place, sqlx::Error> {
        Ok(match &self.options {
            Options::Sqlite(options) => {
                let number = self.opened.fetch_add(1, Ordering::Relaxed);
                Place::Sqlite(number, options.connect().await?)
            }
            Options::Postgres(options) => Place::Postgres(options.connect().await?),
        })
    }
}

// === impl Place ===

impl Place {
    /// The next who asks gets a new connection.
    fn forget(&mut self) {
        if !matches!(self, Self::Closed) {
            *self = Self::Empty;
        }
    }
}
