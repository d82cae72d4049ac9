//! The file that holds the truth.
//!
//! Owns opening it and its two ways in: [`Truth::read`], and [`Change`], one transaction for one call. What must stay
//! true: one writer per process, since SQLite lets those who collide sleep for milliseconds; and no transaction is
//! held while anything else is waited for, since other processes wait for it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use domain::{Clock, Timestamp};
use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection, Row, Transaction};
use tokio::sync::OnceCell;

use super::faults::Faults;
use crate::cloud::{CloudError, CloudResult, ErrorClass};

/// Which form the tables have; a file of a form that is not known is left alone.
const SCHEMA_VERSION: i64 = 2;

/// How long a statement waits for another process's transaction, and an opening for another process's opening.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files that this process has open. Everything in it that uses the same file shares one writer.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Truth>>>> = LazyLock::new(Mutex::default);

/// One file.
pub(super) struct Truth {
    path: PathBuf,
    clock: Clock,
    pools: OnceCell<Pools>,
}

struct Pools {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// One transaction that changes the truth. Dropped without [`commit`](Self::commit), it changes nothing.
pub(super) struct Change {
    pub(super) now: Timestamp,
    transaction: Transaction<'static, Sqlite>,
}

// === impl Truth ===

impl Truth {
    /// The file at `path`. It is opened, and made where it is missing, at its first use.
    pub(super) fn at(path: &Path) -> CloudResult<Arc<Self>> {
        let path = std::path::absolute(path).map_err(|error| unusable(path, &error))?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(truth) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(truth);
        }
        open.retain(|_, truth| truth.strong_count() > 0);
        let truth = Self {
            path: path.clone(),
            clock: Clock::System,
            pools: OnceCell::new(),
        };
        let truth = Arc::new(truth);
        open.insert(path, Arc::downgrade(&truth));
        Ok(truth)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Counts a call of `method`, and gives the faults that it meets: both in one statement, since every call pays
    /// for it.
    pub(super) async fn enter(&self, method: &'static str) -> CloudResult<Faults> {
        let count = sqlx::query(
            "INSERT INTO calls (method, times) VALUES ($1, 1) \
             ON CONFLICT (method) DO UPDATE SET times = times + 1 \
             RETURNING (SELECT body FROM faults WHERE id = 1) AS body",
        );
        // All rows are fetched and not one: a statement with RETURNING is committed after its last row.
        let rows = count
            .bind(method)
            .fetch_all(&self.pools().await?.writer)
            .await
            .map_err(lost)?;
        rows.first()
            .map_or_else(|| Ok(Faults::default()), read_faults)
    }

    /// The faults in force.
    pub(super) async fn faults(&self) -> CloudResult<Faults> {
        let query = sqlx::query("SELECT body FROM faults WHERE id = 1");
        let row = query
            .fetch_one(&mut *self.read().await?)
            .await
            .map_err(lost)?;
        read_faults(&row)
    }

    /// A connection to read with.
    pub(super) async fn read(&self) -> CloudResult<PoolConnection<Sqlite>> {
        self.pools().await?.readers.acquire().await.map_err(lost)
    }

    /// Begins a change; those of other processes are waited for.
    pub(super) async fn change(&self) -> CloudResult<Change> {
        let writer = &self.pools().await?.writer;
        let transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(lost)?;
        Ok(Change {
            now: self.now(),
            transaction,
        })
    }

    /// Opens the file, if it isn't open.
    pub(super) async fn open(&self) -> CloudResult<()> {
        self.pools().await.map(drop)
    }

    async fn pools(&self) -> CloudResult<&Pools> {
        self.pools
            .get_or_try_init(|| async {
                make_private(&self.path)
                    .await
                    .map_err(|error| unusable(&self.path, &error))?;
                let options = SqliteConnectOptions::new()
                    .filename(&self.path)
                    .busy_timeout(PATIENCE)
                    .synchronous(SqliteSynchronous::Normal);
                prepare(&options)
                    .await
                    .map_err(|error| unusable(&self.path, &error))?;
                let pool = SqlitePoolOptions::new().test_before_acquire(false);
                let pool = pool.max_lifetime(None).idle_timeout(None);
                Ok(Pools {
                    writer: pool
                        .clone()
                        .max_connections(1)
                        .connect_lazy_with(options.clone()),
                    readers: pool.max_connections(4).connect_lazy_with(options),
                })
            })
            .await
    }
}

/// Makes the file, readable by its owner only. One that is there is not touched: in the process that has it open,
/// closing it once more would give up SQLite's locks.
async fn make_private(path: &Path) -> io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    match options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .await
    {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Turns a new file into a sandbox's. Two processes that do it at once take turns: the change to WAL can't wait for
/// a lock by itself, so that it is tried again here.
async fn prepare(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let options = options.clone().journal_mode(SqliteJournalMode::Wal);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match prepare_once(&options).await {
            Err(error) if is_busy(&error) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            other => return other,
        }
    }
}

async fn prepare_once(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut connection)
        .await?;
    match version {
        // The second form has one table more than the first, which is made where it is missing.
        0 | 1 => {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::raw_sql(include_str!("schema.sql"))
                .execute(&mut *transaction)
                .await?;
            sqlx::raw_sql("PRAGMA user_version = 2")
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
        }
        SCHEMA_VERSION => {}
        other => {
            let why =
                format!("its tables have form {other}, and this Arcus knows {SCHEMA_VERSION}");
            return Err(sqlx::Error::Configuration(why.into()));
        }
    }
    connection.close().await
}

fn is_busy(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY and what extends it.
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}

fn read_faults(row: &SqliteRow) -> CloudResult<Faults> {
    let body: &str = row.try_get("body").map_err(lost)?;
    serde_json::from_str(body).map_err(|error| {
        CloudError::new(
            ErrorClass::Unavailable,
            format!("the sandbox's faults: {error}"),
        )
    })
}

// === impl Change ===

impl Change {
    /// The connection that the change is made on.
    pub(super) fn on(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Makes it so.
    pub(super) async fn commit(self) -> CloudResult<()> {
        self.transaction.commit().await.map_err(|error| {
            let message = format!("the sandbox's file may or may not be written: {error}");
            CloudError::new(ErrorClass::OutcomeUnknown, message)
        })
    }
}

/// The error for a statement that failed: what it would have changed is rolled back.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(super) fn lost(error: sqlx::Error) -> CloudError {
    CloudError::new(
        ErrorClass::Unavailable,
        format!("the sandbox's file can't be used: {error}"),
    )
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> CloudError {
    let message = format!(
        "the sandbox's file {} can't be used: {error}",
        path.display()
    );
    CloudError::new(ErrorClass::Unavailable, message)
}
