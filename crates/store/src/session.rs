//! A connection to either database, and the two ways to get one: to read, and to write in a transaction.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{Clock, Error, Result, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Connection, PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use tokio::sync::watch;

use crate::dialect::{self, Location};
use crate::group::Group;
use crate::query::{Query, Row, sql};
use crate::seal::Sealer;
use crate::version::{Version, Watcher};

/// The channel of PostgreSQL on which replicas tell one another that the queue has changed.
const CHANNEL: &str = "arcus_changes";

/// How many connections read at once.
const READERS: u32 = 8;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pools: Pools,
    group: Group,
    watcher: Watcher,
    clock: Clock,
    sealer: Arc<Sealer>,
    changes: Arc<watch::Sender<u64>>,
    refused: Refused,
}

/// Set when SQLite has refused to write. A connection that was opened while the file was read-only stays so when the file
/// is not any more: the next who wants it gets a new one.
#[derive(Clone, Default)]
struct Refused(Arc<AtomicBool>);

#[derive(Clone)]
enum Pools {
    // One writer: SQLite has room for one, and waiting in our own queue is fair where its busy loop is not.
    Sqlite {
        reader: SqlitePool,
        writer: SqlitePool,
    },
    Postgres(PgPool),
}

/// What opening does about the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Brings it up to date, from nothing where there is none.
    Migrate,
    /// Changes nothing: it has to be this program's.
    Current,
}

/// A connection, or a transaction. Dropped without [`commit`](Self::commit), it leaves nothing behind.
pub struct Session {
    inner: Inner,
    clock: Clock,
    sealer: Arc<Sealer>,
    changes: Arc<watch::Sender<u64>>,
    refused: Refused,
    tells: bool,
}

enum Inner {
    SqliteRead(PoolConnection<Sqlite>),
    SqliteWrite(Transaction<'static, Sqlite>),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(Transaction<'static, Postgres>),
}

// === impl Refused ===

impl Refused {
    /// What the error means; remembers it where the connection is to be given up.
    fn look(&self, error: sqlx::Error) -> Error {
        if dialect::is_read_only(&error) {
            self.0.store(true, Ordering::Relaxed);
        }
        dialect::error(error)
    }
}

// === impl Store ===

impl Store {
    /// Opens the database.
    ///
    /// Errors: `Unavailable` when it can't be reached; `Internal` when its schema is newer than this program; `Invalid`
    /// where it is to have this program's schema and has not, and where its secrets were sealed with other keys.
    pub async fn open(
        location: &Location,
        sealer: Sealer,
        clock: Clock,
        schema: Schema,
    ) -> Result<Self> {
        let refused = Refused::default();
        let pools = match location {
            Location::Sqlite(path) => Self::open_sqlite(path, refused.clone()).await?,
            Location::Postgres(options) => Pools::Postgres(
                PgPoolOptions::new()
                    .max_connections(24)
                    .acquire_timeout(Duration::from_secs(10))
                    .after_connect(|connection, _| {
                        Box::pin(dialect::bound_postgres_locks(connection))
                    })
                    .connect_with((**options).clone())
                    .await
                    .map_err(dialect::error)?,
            ),
        };
        match (&pools, schema) {
            (Pools::Sqlite { writer, .. }, Schema::Migrate) => {
                crate::migrate::sqlite(writer).await?;
            }
            (Pools::Postgres(pool), Schema::Migrate) => crate::migrate::postgres(pool).await?,
            (Pools::Sqlite { writer, .. }, Schema::Current) => {
                crate::migrate::sqlite_is_current(writer).await?;
            }
            (Pools::Postgres(pool), Schema::Current) => {
                crate::migrate::postgres_is_current(pool).await?;
            }
        }
        let watcher = match location {
            Location::Sqlite(path) => {
                Watcher::of_sqlite(dialect::sqlite_options(path).create_if_missing(false))
            }
            Location::Postgres(options) => Watcher::of_postgres((**options).clone()),
        };
        let store = Self {
            pools,
            group: Group::default(),
            watcher,
            clock,
            sealer: Arc::new(sealer),
            changes: Arc::new(watch::Sender::new(0)),
            refused,
        };
        store.check_keys().await?;
        store.listen();
        Ok(store)
    }

    /// Refuses a key file that is not this database's, before anything is sealed with it or can't be opened.
    async fn check_keys(&self) -> Result<()> {
        let known = crate::settings::keys_are_known(&mut self.read().await?).await?;
        if !known {
            let mut session = self.write().await?;
            crate::settings::note_keys(&mut session).await?;
            session.commit().await?;
            // Another replica may have begun at the same moment, with other keys.
            crate::settings::keys_are_known(&mut self.read().await?).await?;
        }
        Ok(())
    }

    async fn open_sqlite(path: &Path, refused: Refused) -> Result<Pools> {
        for_its_owner_alone(path);
        // Where the disk is full SQLite ends the transaction by itself, sqlx goes on believing in it, and every later one
        // would fail: such a connection is not taken back.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(10))
            .before_acquire(move |connection, _| {
                let is_refused = refused.0.swap(false, Ordering::Relaxed);
                let is_good = !is_refused && !connection.is_in_transaction();
                Box::pin(async move { Ok(is_good) })
            })
            .connect_with(dialect::sqlite_options(path).optimize_on_close(true, None))
            .await
            .map_err(dialect::error)?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(dialect::sqlite_options(path).create_if_missing(false));
        Ok(Pools::Sqlite { reader, writer })
    }

    /// Passes on what other replicas say has changed. When the connection breaks, the runner's own polling fills in.
    fn listen(&self) {
        let Pools::Postgres(pool) = &self.pools else {
            return;
        };
        let (pool, changes) = (pool.clone(), Arc::downgrade(&self.changes));
        tokio::spawn(async move {
            while changes.strong_count() > 0 {
                if let Ok(mut listener) = PgListener::connect_with(&pool).await
                    && listener.listen(CHANNEL).await.is_ok()
                {
                    while listener.recv().await.is_ok() {
                        let Some(changes) = changes.upgrade() else {
                            return;
                        };
                        changes.send_modify(|count| *count += 1);
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }

    /// How the database stands now: as long as this stays the same, every read sees the same.
    pub async fn version(&self) -> Version {
        self.watcher.version().await
    }

    /// A connection to read with.
    pub async fn read(&self) -> Result<Session> {
        let inner = match &self.pools {
            Pools::Sqlite { reader, .. } => {
                Inner::SqliteRead(reader.acquire().await.map_err(dialect::error)?)
            }
            Pools::Postgres(pool) => {
                Inner::PostgresRead(pool.acquire().await.map_err(dialect::error)?)
            }
        };
        Ok(self.session(inner))
    }

    /// A transaction to write in. On SQLite it holds the one write lock: be quick.
    pub async fn write(&self) -> Result<Session> {
        let inner = match &self.pools {
            Pools::Sqlite { writer, .. } => Inner::SqliteWrite(
                writer
                    .begin_with("BEGIN IMMEDIATE")
                    .await
                    .map_err(|error| self.refused.look(error))?,
            ),
            Pools::Postgres(pool) => {
                Inner::PostgresWrite(pool.begin().await.map_err(dialect::error)?)
            }
        };
        Ok(self.session(inner))
    }

    /// Where writes are gathered; `None` where they need not be.
    pub(crate) fn group(&self) -> Option<&Group> {
        matches!(self.pools, Pools::Sqlite { .. }).then_some(&self.group)
    }

    fn session(&self, inner: Inner) -> Session {
        Session {
            inner,
            clock: self.clock.clone(),
            sealer: Arc::clone(&self.sealer),
            changes: Arc::clone(&self.changes),
            refused: self.refused.clone(),
            tells: false,
        }
    }

    /// Counts up whenever a session that [told](Session::tell) was committed, here or at another replica.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The clock that rows are stamped by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether rows can be read and written now.
    pub async fn check(&self) -> Result<()> {
        let mut session = self.write().await?;
        crate::settings::touch(&mut session).await?;
        session.commit().await
    }

    /// Waits for running statements and closes the connections.
    pub async fn close(&self) {
        self.watcher.close().await;
        match &self.pools {
            Pools::Sqlite { reader, writer } => {
                reader.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// PREPAREs every statement of this crate and returns those that this database refuses, for a test.
    #[doc(hidden)]
    pub async fn prepare_all(&self) -> Result<(usize, Vec<String>)> {
        use sqlx::{Executor, SqlSafeStr};
        let mut refused = Vec::new();
        let mut count = 0;
        let mut session = self.read().await?;
        for statement in inventory::iter::<crate::query::Statement> {
            count += 1;
            let failed = match &mut session.inner {
                Inner::SqliteRead(connection) => connection
                    .prepare(statement.sqlite.into_sql_str())
                    .await
                    .err(),
                Inner::PostgresRead(connection) => connection
                    .prepare(statement.postgres.into_sql_str())
                    .await
                    .err(),
                Inner::SqliteWrite(_) | Inner::PostgresWrite(_) => None,
            };
            refused.extend(failed.map(|error| format!("{}: {error}", statement.at)));
        }
        Ok((count, refused))
    }
}

/// Makes the file where it is missing, which SQLite would let everybody read; its journals get the same mode. An empty file
/// is an empty database.
fn for_its_owner_alone(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    // Where it is there, or can't be made, SQLite goes on or says why not.
    let _ = options.write(true).create_new(true).mode(0o600).open(path);
}

// === impl Session ===

/// Runs one of sqlx's methods on whichever connection this is.
macro_rules! on {
    ($session:expr, $query:expr, $method:ident, $wrap:ident) => {{
        let statement = $query.statement;
        match &mut $session.inner {
            Inner::SqliteRead(connection) => {
                sqlx::query_with::<Sqlite, _>(statement.sqlite, $query.sqlite()?)
                    .$method(&mut **connection)
                    .await
                    .map(|found| $wrap!(Sqlite, found))
            }
            Inner::SqliteWrite(transaction) => {
                sqlx::query_with::<Sqlite, _>(statement.sqlite, $query.sqlite()?)
                    .$method(&mut **transaction)
                    .await
                    .map(|found| $wrap!(Sqlite, found))
            }
            Inner::PostgresRead(connection) => {
                sqlx::query_with::<Postgres, _>(statement.postgres, $query.postgres()?)
                    .$method(&mut **connection)
                    .await
                    .map(|found| $wrap!(Postgres, found))
            }
            Inner::PostgresWrite(transaction) => {
                sqlx::query_with::<Postgres, _>(statement.postgres, $query.postgres()?)
                    .$method(&mut **transaction)
                    .await
                    .map(|found| $wrap!(Postgres, found))
            }
        }
        .map_err(|error| $session.refused.look(error).context(statement.at))
    }};
}

macro_rules! rows {
    ($database:ident, $found:expr) => {
        $found.into_iter().map(Row::$database).collect()
    };
}
macro_rules! row {
    ($database:ident, $found:expr) => {
        $found.map(Row::$database)
    };
}
macro_rules! affected {
    ($database:ident, $found:expr) => {
        $found.rows_affected()
    };
}

impl Session {
    pub(crate) async fn all(&mut self, query: Query) -> Result<Vec<Row>> {
        on!(self, query, fetch_all, rows)
    }

    pub(crate) async fn optional(&mut self, query: Query) -> Result<Option<Row>> {
        on!(self, query, fetch_optional, row)
    }

    pub(crate) async fn one(&mut self, query: Query) -> Result<Row> {
        let at = query.statement.at;
        self.optional(query)
            .await?
            .ok_or_else(|| Error::internal(format!("{at}: a row was expected and none came")))
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&mut self, query: Query) -> Result<u64> {
        on!(self, query, execute, affected)
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The present moment, for rows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether a test sets the time by hand.
    pub(crate) fn is_by_hand(&self) -> bool {
        matches!(self.clock, Clock::Manual(_))
    }

    /// Once this is committed, whoever follows [`Store::changes`] looks again, at every replica.
    pub fn tell(&mut self) {
        self.tells = true;
    }

    /// Makes it last.
    pub async fn commit(mut self) -> Result<()> {
        if self.tells && matches!(self.inner, Inner::PostgresWrite(_)) {
            self.execute(
                sql!(sqlite: "SELECT $1", postgres: "SELECT pg_notify($1, '')").arg(CHANNEL),
            )
            .await?;
        }
        match self.inner {
            Inner::SqliteWrite(transaction) => transaction.commit().await,
            Inner::PostgresWrite(transaction) => transaction.commit().await,
            Inner::SqliteRead(_) | Inner::PostgresRead(_) => Ok(()),
        }
        .map_err(dialect::commit_error)?;
        if self.tells {
            self.changes.send_modify(|count| *count += 1);
        }
        Ok(())
    }
}
