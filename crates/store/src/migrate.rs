//! Brings the schema up to date. A migration that has run is never edited: a new one follows it.

use std::borrow::Cow;

use domain::{Error, ErrorKind, Result};
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Executor, PgPool, SqlSafeStr, SqlitePool};

use crate::dialect;

macro_rules! migrations {
    ($dialect:literal: $($version:literal $name:literal),+ $(,)?) => {
        Migrator::with_migrations(vec![$(Migration::new(
            $version,
            Cow::Borrowed($name),
            MigrationType::Simple,
            include_str!(concat!("../migrations/", $dialect, "/", $name, ".sql")).into_sql_str(),
            false,
        )),+])
    };
}

fn for_sqlite() -> Migrator {
    migrations!("sqlite": 1 "0001_foundation", 2 "0002_servers", 3 "0003_names")
}

fn for_postgres() -> Migrator {
    migrations!("postgres": 1 "0001_foundation", 2 "0002_servers", 3 "0003_names")
}

pub(crate) async fn sqlite(pool: &SqlitePool) -> Result<()> {
    for_sqlite().run(pool).await.map_err(failed)
}

/// Errors: `Invalid` where the schema is not this program's.
pub(crate) async fn sqlite_is_current(pool: &SqlitePool) -> Result<()> {
    let mut connection = pool.acquire().await.map_err(dialect::error)?;
    is_current(&mut *connection, &for_sqlite()).await
}

/// Errors: `Invalid` where the schema is not this program's.
pub(crate) async fn postgres_is_current(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await.map_err(dialect::error)?;
    is_current(&mut *connection, &for_postgres()).await
}

async fn is_current(connection: &mut impl Migrate, migrator: &Migrator) -> Result<()> {
    let applied = match connection.list_applied_migrations("_sqlx_migrations").await {
        Ok(applied) => applied,
        Err(MigrateError::Execute(error)) => match dialect::error(error) {
            away if away.kind() == ErrorKind::Unavailable => return Err(away),
            // The table of what was applied is not there.
            _ => Vec::new(),
        },
        Err(error) => return Err(failed(error)),
    };
    let known = migrator.iter().map(|migration| migration.version);
    if known.eq(applied.iter().map(|applied| applied.version)) {
        return Ok(());
    }
    Err(Error::invalid(if applied.is_empty() {
        "there is no Arcus database: start `arcus serve` on it once, or say where it is with --database-url or --data-dir; \
         nothing was changed"
    } else {
        "the database is of another version of Arcus: use the program that `arcus serve` runs there; nothing was changed"
    }))
}

/// Several replicas may start at once; sqlx takes an advisory lock, for which they wait as long as it takes.
pub(crate) async fn postgres(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await.map_err(dialect::error)?;
    let patient = "SET lock_timeout = 0";
    let set = connection.execute(patient).await;
    set.map_err(dialect::error)?;
    let outcome = for_postgres().run(&mut *connection).await.map_err(failed);
    // The next who takes a connection gets one with the usual bounds.
    let closed = connection.close().await;
    outcome.and(closed.map_err(dialect::error))
}

fn failed(error: MigrateError) -> Error {
    Error::internal("the schema can't be brought up to date").source(error)
}
