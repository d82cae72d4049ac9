//! Statements, their arguments and their rows, the same for both databases.
//!
//! Used by the noun files of this crate alone. [`sql!`] registers each statement, so that a test can PREPARE all of
//! them on both databases.

use domain::{Error, Result};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Decode, Postgres, Row as _, Sqlite, Type};

/// One statement in both dialects, nearly always the same text.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
    /// Where it stands in the source.
    pub at: &'static str,
}

inventory::collect!(Statement);

/// Begins a query: `sql!("SELECT ...")`, or `sql!(sqlite: "...", postgres: "...")` where they must differ.
macro_rules! sql {
    (sqlite: $sqlite:expr, postgres: $postgres:expr $(,)?) => {{
        const STATEMENT: $crate::query::Statement = $crate::query::Statement {
            sqlite: $sqlite,
            postgres: $postgres,
            at: concat!(file!(), ":", line!()),
        };
        inventory::submit! { STATEMENT }
        $crate::query::Query::new(STATEMENT)
    }};
    ($text:expr $(,)?) => {
        $crate::query::sql!(sqlite: $text, postgres: $text)
    };
}
pub(crate) use sql;

/// A value of a statement's argument.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(bool),
}

/// A statement and its arguments, in the order of `$1`, `$2`, ...
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) statement: Statement,
    arguments: Vec<Value>,
}

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What can be read from a column of either database.
pub(crate) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

// === impl Query ===

impl Query {
    pub(crate) fn new(statement: Statement) -> Self {
        Self {
            statement,
            arguments: Vec::new(),
        }
    }

    /// Adds the next argument.
    pub(crate) fn arg(mut self, value: impl Into<Value>) -> Self {
        self.arguments.push(value.into());
        self
    }

    pub(crate) fn sqlite(self) -> Result<SqliteArguments> {
        fill(self.arguments)
    }

    pub(crate) fn postgres(self) -> Result<PgArguments> {
        fill(self.arguments)
    }
}

fn fill<A: Arguments>(values: Vec<Value>) -> Result<A>
where
    for<'q> Option<i64>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
    for<'q> Option<String>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
    for<'q> Option<Vec<u8>>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
    for<'q> bool: sqlx::Encode<'q, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Bool(value) => arguments.add(value),
        }
        .map_err(|error| Error::internal("an argument can't be encoded").source(error))?;
    }
    Ok(arguments)
}

// === impl Row ===

impl Row {
    /// The column of that name.
    pub(crate) fn get<T: Column>(&self, column: &str) -> Result<T> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| Error::internal(format!("column {column}")).source(error))
    }

    /// A text column that holds one of an enum's words.
    pub(crate) fn word<T: std::str::FromStr<Err = Error>>(&self, column: &str) -> Result<T> {
        self.get::<String>(column)?.parse()
    }

    /// A text column that holds JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.get::<String>(column)?)
            .map_err(|error| Error::internal(format!("column {column}")).source(error))
    }

    /// A number that is small and not negative.
    pub(crate) fn count(&self, column: &str) -> Result<u32> {
        Ok(u32::try_from(self.get::<i64>(column)?).unwrap_or(0))
    }

    /// A time.
    pub(crate) fn time(&self, column: &str) -> Result<domain::Timestamp> {
        self.get(column).map(domain::Timestamp)
    }
}

// === impl Value ===

macro_rules! from {
    ($($type:ty => $variant:ident($value:ident) $make:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                Self::$variant($make)
            }
        }
    )+};
}

from! {
    i64 => Int(value) Some(value),
    Option<i64> => Int(value) value,
    domain::Timestamp => Int(value) Some(value.0),
    Option<domain::Timestamp> => Int(value) value.map(|time| time.0),
    domain::OrganisationId => Int(value) Some(value.0),
    Option<domain::OrganisationId> => Int(value) value.map(|id| id.0),
    domain::UserId => Int(value) Some(value.0),
    Option<domain::UserId> => Int(value) value.map(|id| id.0),
    domain::ProviderId => Int(value) Some(value.0),
    domain::ApplicationId => Int(value) Some(value.0),
    domain::EnvironmentId => Int(value) Some(value.0),
    Option<domain::EnvironmentId> => Int(value) value.map(|id| id.0),
    domain::ServerId => Int(value) Some(value.0),
    domain::OperationId => Int(value) Some(value.0),
    domain::IntegrationId => Int(value) Some(value.0),
    domain::OrphanId => Int(value) Some(value.0),
    domain::SnapshotId => Int(value) Some(value.0),
    Option<domain::SnapshotId> => Int(value) value.map(|id| id.0),
    &str => Text(value) Some(value.to_owned()),
    String => Text(value) Some(value),
    &String => Text(value) Some(value.clone()),
    Option<String> => Text(value) value,
    &domain::PublicId => Text(value) Some(value.to_string()),
    Vec<u8> => Bytes(value) Some(value),
    Option<Vec<u8>> => Bytes(value) value,
    bool => Bool(value) value,
}

/// JSON for a text column.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("a value can't be written as JSON").source(error))
}
