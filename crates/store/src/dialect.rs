//! Where SQLite and PostgreSQL differ: how they are opened, and what their errors mean.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use domain::{Error, ErrorKind};
use sqlx::Executor;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// Which database, and where.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A server of PostgreSQL.
    Postgres(Box<PgConnectOptions>),
}

// === impl Location ===

impl FromStr for Location {
    type Err = Error;

    /// `postgres://...`, or `sqlite:PATH`.
    fn from_str(url: &str) -> Result<Self, Error> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(PathBuf::from(path.trim_start_matches("//"))));
        }
        // The URL may hold a password: neither it nor the parser's error is repeated.
        PgConnectOptions::from_str(url)
            .map(|options| Self::Postgres(Box::new(options)))
            .map_err(|_| {
                Error::invalid(
                    "a database URL is postgres://USER:PASSWORD@HOST/NAME or sqlite:PATH",
                )
            })
    }
}

/// How SQLite is opened. The busy time-out stands first: all that follows may meet a lock. FULL makes a commit
/// outlast a power cut, without which "intent first" would be a wish.
pub(crate) fn sqlite_options(path: &std::path::Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(10))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .statement_cache_capacity(256)
}

/// What a PostgreSQL connection begins with. A replica that freezes, or that the network cuts off, within a transaction
/// would hold its row locks until somebody finds it: the server takes them from it, and nobody waits for one for long.
pub(crate) async fn bound_postgres_locks(
    connection: &mut sqlx::PgConnection,
) -> Result<(), sqlx::Error> {
    connection
        .execute("SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '15s'")
        .await
        .map(|_| ())
}

/// What a database's error means. `Exists` is a broken unique index; callers that expect it name the thing.
pub(crate) fn error(error: sqlx::Error) -> Error {
    if let sqlx::Error::Database(database) = &error {
        if database.is_unique_violation() {
            return Error::new(ErrorKind::Exists, "something of that name exists already")
                .source(error);
        }
        let code = database.code().unwrap_or_default().into_owned();
        let away = if database
            .try_downcast_ref::<sqlx::sqlite::SqliteError>()
            .is_some()
        {
            // BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN; the low byte is the primary code.
            let primary = code.parse::<i64>().unwrap_or(0) & 0xff;
            matches!(primary, 5 | 6 | 8 | 10 | 13 | 14)
        } else {
            // Connection, resources, operator intervention, system, serialization; a lock not had in time, a transaction
            // that stood still for too long, read-only.
            ["08", "53", "57", "58", "40", "55P03", "25P03", "25006"]
                .iter()
                .any(|class| code.starts_with(class))
        };
        return if away {
            unavailable(error)
        } else {
            Error::internal("a statement failed").source(error)
        };
    }
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => unavailable(error),
        other => Error::internal("a statement failed").source(other),
    }
}

/// Whether SQLite says that its file can't be written.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i64>().ok())
        .is_some_and(|code| code & 0xff == 8)
}

/// What an error at a commit means: where the connection broke, the database may have carried it out before.
pub(crate) fn commit_error(error: sqlx::Error) -> Error {
    let is_unknown = match &error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // The server was told to end this connection.
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| code.starts_with("57"))
        }
        _ => false,
    };
    if !is_unknown {
        return self::error(error);
    }
    Error::new(
        ErrorKind::Unavailable,
        "the database went away while the change was being written; it may have been made and it may not: look at what is \
         there before you try again",
    )
    .source(error)
}

fn unavailable(error: sqlx::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the database can't be used now (full, read-only or away); nothing was changed and no cloud was called: \
         try again in a while",
    )
    .source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_whose_answer_was_lost_may_have_been_made() {
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let error = commit_error(sqlx::Error::Io(broken));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("may have been made"), "{error}");
    }

    #[test]
    fn a_commit_for_which_no_connection_was_had_changed_nothing() {
        let error = commit_error(sqlx::Error::PoolTimedOut);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("nothing was changed"), "{error}");
    }
}
