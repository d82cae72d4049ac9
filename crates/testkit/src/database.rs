//! The two databases for tests.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// How long a test waits for its database to be dropped.
const PATIENCE: Duration = Duration::from_secs(3);

/// Which database a test runs on.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file in the data folder.
    Sqlite,
    /// A database of its own at the test server, dropped with the last of its users.
    Postgres(Arc<Own>),
}

/// A database at the test server that is nobody else's.
#[derive(Debug)]
pub struct Own {
    url: String,
    name: String,
    server: String,
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
        let url = format!("{start}/{name}");
        Self::Postgres(Arc::new(Own { url, name, server }))
    }

    /// Its URL, where it is not the one in the data folder.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(own) => Some(&own.url),
        }
    }

    /// Runs one statement in it, as an operator would with psql or sqlite3.
    pub async fn run(&self, statement: &str) {
        if let Self::Postgres(own) = self {
            let mut connection = PgConnection::connect(&own.url)
                .await
                .expect("PostgreSQL answers");
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&mut connection)
                .await
                .expect("the statement runs");
        }
    }
}

// === impl Own ===

impl Drop for Own {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let (done, is_done) = std::sync::mpsc::channel();
        // A thread of its own, since a test's runtime may be ending around this. What can't be dropped stays behind at
        // a server that is for tests alone, and fails no test.
        std::thread::spawn(move || {
            let _ = dropped(&server, &name);
            let _ = done.send(());
        });
        // A process that a test has frozen while it logged in holds this up for a minute. Once the server has been
        // told, it goes on by itself.
        let _ = is_done.recv_timeout(PATIENCE);
    }
}

fn dropped(server: &str, name: &str) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect(server)
            .await
            .map_err(std::io::Error::other)?;
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .map(drop)
            .map_err(std::io::Error::other)
    })
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
