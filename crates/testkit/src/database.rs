//! The two databases for tests.

use std::process::Command;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Which database a test runs on.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file in the data folder.
    Sqlite,
    /// A database of its own at the test server, dropped with the last of its users.
    Postgres(String),
}

// === impl Database ===

impl Database {
    /// SQLite in the test's own folder.
    pub fn sqlite() -> Self {
        Self::Sqlite
    }

    /// A new, empty database at the server of `ARCUS_TEST_POSTGRES_URL`, which `scripts/lab.sh` starts.
    pub async fn postgres() -> Self {
        let server = server();
        let name = format!("arcus_{}", domain::random::hex::<8>());
        let mut connection = PgConnection::connect(&server)
            .await
            .expect("PostgreSQL answers; start it with: scripts/lab.sh up postgres");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await
            .expect("a database is made");
        let (start, _) = server.rsplit_once('/').expect("the URL names a database");
        Self::Postgres(format!("{start}/{name}"))
    }

    /// Its URL, where it is not the one in the data folder.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(url) => Some(url),
        }
    }

    /// Runs one statement in it, as an operator would with psql or sqlite3.
    pub async fn run(&self, statement: &str) {
        if let Self::Postgres(url) = self {
            let mut connection = PgConnection::connect(url)
                .await
                .expect("PostgreSQL answers");
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&mut connection)
                .await
                .expect("the statement runs");
        }
    }
}

/// The test server's URL: from the environment, else from the lab.
fn server() -> String {
    if let Ok(url) = std::env::var("ARCUS_TEST_POSTGRES_URL") {
        return url;
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/lab.sh");
    let printed = Command::new(root)
        .arg("env")
        .output()
        .expect("scripts/lab.sh runs");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let line = printed
        .lines()
        .find_map(|line| line.split_once("ARCUS_TEST_POSTGRES_URL="));
    line.expect("scripts/lab.sh env names a PostgreSQL")
        .1
        .trim_matches(['"', '\''])
        .to_owned()
}
