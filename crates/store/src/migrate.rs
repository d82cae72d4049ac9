//! Brings the schema up to date. A migration that has run is never edited: a new one follows it.

use std::borrow::Cow;

use domain::{Error, Result};
use sqlx::migrate::{Migration, MigrationType, Migrator};
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

pub(crate) async fn sqlite(pool: &SqlitePool) -> Result<()> {
    migrations!("sqlite": 1 "0001_foundation")
        .run(pool)
        .await
        .map_err(failed)
}

/// Several replicas may start at once; sqlx takes an advisory lock, for which they wait as long as it takes.
pub(crate) async fn postgres(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await.map_err(dialect::error)?;
    let patient = "SET lock_timeout = 0";
    let set = connection.execute(patient).await;
    set.map_err(dialect::error)?;
    let outcome = migrations!("postgres": 1 "0001_foundation")
        .run(&mut *connection)
        .await
        .map_err(failed);
    // The next who takes a connection gets one with the usual bounds.
    let closed = connection.close().await;
    outcome.and(closed.map_err(dialect::error))
}

fn failed(error: sqlx::migrate::MigrateError) -> Error {
    Error::internal("the schema can't be brought up to date").source(error)
}
