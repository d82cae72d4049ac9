//! The queue's own record, read straight from the database: no route shows it, and a fault test must not trust the
//! program's word for what the program has lost.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::sync::Mutex;

use crate::database::Database;

/// A connection of its own to the database of an Arcus, that may be running or not.
pub struct Ledger(Mutex<Open>);

enum Open {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// All that the queue knows at one moment.
#[derive(Debug, Clone)]
pub struct Records {
    /// Every operation that there ever was, by key.
    pub operations: Vec<OperationRecord>,
    /// Every server that there ever was, by key.
    pub servers: Vec<ServerRecord>,
    /// What the program tags its instances with.
    pub installation: String,
}

/// A row of the queue with its events.
#[derive(Debug, Clone)]
pub struct OperationRecord {
    /// Its key.
    pub id: i64,
    /// What it does.
    pub kind: String,
    /// To which server.
    pub server_id: i64,
    /// Where it is.
    pub status: String,
    /// How often it was taken up.
    pub attempt: i64,
    /// Who holds it.
    pub lease_owner: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it ended, in microseconds.
    pub finished_at: Option<i64>,
    /// Its record.
    pub events: Vec<EventRecord>,
}

/// A line of an operation's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its number.
    pub seq: i64,
    /// When, in microseconds.
    pub at: i64,
    /// Which step.
    pub step: String,
    /// What happened.
    pub message: String,
}

/// What is known of the traffic of a server, in bytes that it received and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficRecord {
    /// The counters of its hypervisor as they were last read.
    pub counted: (i64, i64),
    /// All samples of five minutes together.
    pub by_five_minutes: (i64, i64),
    /// All samples of an hour together.
    pub by_hour: (i64, i64),
}

/// A server's row.
#[derive(Debug, Clone)]
pub struct ServerRecord {
    /// Its key.
    pub id: i64,
    /// Its id in answers.
    pub public_id: String,
    /// Its node's name.
    pub name: String,
    /// What its owner wants.
    pub desired: String,
    /// What it was last seen doing.
    pub power: String,
    /// How far its packages are.
    pub setup: String,
    /// The cloud's id.
    pub cloud_id: Option<String>,
    /// Whether it is gone.
    pub destroyed: bool,
}

// === impl Ledger ===

/// One statement on whichever connection this is; the rows are tuples.
macro_rules! rows {
    ($open:expr, $statement:literal) => {
        match $open {
            Open::Sqlite(connection) => sqlx::query_as($statement).fetch_all(connection).await,
            Open::Postgres(connection) => sqlx::query_as($statement).fetch_all(connection).await,
        }
        .expect($statement)
    };
}

type Operation = (
    i64,
    String,
    i64,
    String,
    i64,
    Option<String>,
    Option<String>,
    Option<i64>,
);
type Server = (
    i64,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<i64>,
);

impl Ledger {
    /// Opens the database of the Arcus in `folder`.
    pub(crate) async fn open(database: &Database, folder: &Path) -> Self {
        let open = match database.url() {
            None => {
                let options = SqliteConnectOptions::new()
                    .filename(folder.join("arcus.db"))
                    .busy_timeout(std::time::Duration::from_secs(10));
                let connection = SqliteConnection::connect_with(&options).await;
                Open::Sqlite(connection.expect("the database file opens"))
            }
            Some(url) => {
                let connection = PgConnection::connect(url).await;
                Open::Postgres(connection.expect("PostgreSQL answers"))
            }
        };
        Self(Mutex::new(open))
    }

    /// How many operations wait or run.
    pub async fn pending(&self) -> i64 {
        let mut open = self.0.lock().await;
        let rows: Vec<(i64,)> = rows!(
            &mut *open,
            "SELECT COUNT(*) FROM operations WHERE status IN ('queued', 'running')"
        );
        rows[0].0
    }

    /// What every provider sells was seen so much earlier.
    pub async fn age_offers(&self, by: std::time::Duration) {
        let mut open = self.0.lock().await;
        let statement = "UPDATE providers SET offer_at = offer_at - $1";
        let by = i64::try_from(by.as_micros()).expect("microseconds");
        match &mut *open {
            Open::Sqlite(on) => sqlx::query(statement).bind(by).execute(on).await.map(drop),
            Open::Postgres(on) => sqlx::query(statement).bind(by).execute(on).await.map(drop),
        }
        .expect(statement);
    }

    /// What is known of every server's traffic, by its key.
    pub async fn traffic(&self) -> Vec<TrafficRecord> {
        let mut open = self.0.lock().await;
        let rows: Vec<(i64, i64, i64, i64, i64, i64)> = rows!(
            &mut *open,
            "SELECT c.received_bytes, c.sent_bytes, \
             CAST(SUM(CASE WHEN s.resolution = 300 THEN s.received_bytes ELSE 0 END) AS BIGINT), \
             CAST(SUM(CASE WHEN s.resolution = 300 THEN s.sent_bytes ELSE 0 END) AS BIGINT), \
             CAST(SUM(CASE WHEN s.resolution = 3600 THEN s.received_bytes ELSE 0 END) AS BIGINT), \
             CAST(SUM(CASE WHEN s.resolution = 3600 THEN s.sent_bytes ELSE 0 END) AS BIGINT) \
             FROM traffic_counters c LEFT JOIN traffic_samples s ON s.server_id = c.server_id \
             GROUP BY c.server_id, c.received_bytes, c.sent_bytes ORDER BY c.server_id"
        );
        rows.into_iter()
            .map(|row| TrafficRecord {
                counted: (row.0, row.1),
                by_five_minutes: (row.2, row.3),
                by_hour: (row.4, row.5),
            })
            .collect()
    }

    /// Everything.
    pub async fn read(&self) -> Records {
        let mut open = self.0.lock().await;
        let operations: Vec<Operation> = rows!(
            &mut *open,
            "SELECT id, kind, server_id, status, attempt, lease_owner, error, finished_at FROM operations ORDER BY id"
        );
        let lines: Vec<(i64, i64, i64, String, String)> = rows!(
            &mut *open,
            "SELECT operation_id, seq, at, step, message FROM operation_events ORDER BY operation_id, seq"
        );
        let servers: Vec<Server> = rows!(
            &mut *open,
            "SELECT id, public_id, name, desired, power, setup, cloud_id, destroyed_at FROM servers ORDER BY id"
        );
        let settings: Vec<(String,)> = rows!(
            &mut *open,
            "SELECT value FROM settings WHERE name = 'installation'"
        );
        let mut events: HashMap<i64, Vec<EventRecord>> = HashMap::new();
        for (operation, seq, at, step, message) in lines {
            let event = EventRecord {
                seq,
                at,
                step,
                message,
            };
            events.entry(operation).or_default().push(event);
        }
        let operations = operations.into_iter().map(
            |(id, kind, server_id, status, attempt, lease_owner, error, finished_at)| {
                OperationRecord {
                    events: events.remove(&id).unwrap_or_default(),
                    id,
                    kind,
                    server_id,
                    status,
                    attempt,
                    lease_owner,
                    error,
                    finished_at,
                }
            },
        );
        let servers = servers.into_iter().map(
            |(id, public_id, name, desired, power, setup, cloud_id, destroyed_at)| ServerRecord {
                id,
                public_id,
                name,
                desired,
                power,
                setup,
                cloud_id,
                destroyed: destroyed_at.is_some(),
            },
        );
        Records {
            operations: operations.collect(),
            servers: servers.collect(),
            installation: settings
                .into_iter()
                .next()
                .map_or_else(String::new, |row| row.0),
        }
    }
}

// === impl Records ===

impl Records {
    /// The servers that live.
    pub fn living(&self) -> impl Iterator<Item = &ServerRecord> {
        self.servers.iter().filter(|server| !server.destroyed)
    }

    /// How many operations there are of each kind and status, such as `create_server succeeded`.
    pub fn summary(&self) -> BTreeMap<String, usize> {
        let mut summary = BTreeMap::new();
        for operation in &self.operations {
            let what = format!("{} {}", operation.kind, operation.status);
            *summary.entry(what).or_default() += 1;
        }
        summary
    }

    /// Panics unless every operation has ended and its record is whole: numbered without gaps from the moment that it
    /// was queued, times that don't run backwards, and its end told once and last.
    pub fn assert_whole(&self) {
        for operation in &self.operations {
            let last = operation.events.last().unwrap_or_else(|| {
                panic!("operation {} has no record", operation.id);
            });
            assert!(
                is_final(&operation.status),
                "it never ended: {operation:#?}"
            );
            assert!(operation.finished_at.is_some(), "{operation:#?}");
            assert_eq!(operation.lease_owner, None, "{operation:#?}");
            assert_eq!(last.step, operation.status, "{operation:#?}");
            assert_eq!(operation.events[0].step, "queued", "{operation:#?}");
            for (event, number) in operation.events.iter().zip(1..) {
                assert_eq!(event.seq, number, "a gap: {operation:#?}");
            }
            for pair in operation.events.windows(2) {
                assert!(pair[0].at <= pair[1].at, "time runs back: {operation:#?}");
                assert!(!is_final(&pair[0].step), "it ended twice: {operation:#?}");
            }
        }
    }
}

fn is_final(status: &str) -> bool {
    matches!(status, "succeeded" | "failed" | "cancelled")
}
