//! Changes whose time was over when somebody was there again to see how far they had come.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use testkit::{Arcus, Builder, Database, Shop};

use crate::hands::{at_cloud, path, snapshot, until_cloud};

/// Minutes of nobody being there: more than any change may take.
const AWAY: i64 = 40;

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                super::$name(testkit::Database::sqlite()).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$name(testkit::Database::postgres().await).await;
            }
        }
    )+};
}

on_both![
    a_plan_that_the_cloud_has_changed_is_the_servers_however_late_that_is_seen,
    a_snapshot_that_the_cloud_has_taken_is_there_however_late_that_is_seen,
    a_disk_that_the_cloud_has_put_back_is_not_put_back_again_however_late_that_is_seen,
];

/// An Arcus whose leases run out soon.
async fn open(database: &Database) -> Shop {
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).database(database.clone());
    Shop::open(builder.variable("ARCUS_LEASE_SECS", "0.6")).await
}

/// As if all that is under way had been begun that much earlier.
async fn be_away(database: &Database, arcus: &Arcus) {
    let micros = AWAY * 60 * 1_000_000;
    let statement = format!(
        "UPDATE operations SET started_at = started_at - {micros}, lease_until = lease_until - {micros} \
         WHERE status = 'running'"
    );
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    let changed = if let Some(url) = database.url() {
        let mut connection = PgConnection::connect(url).await.expect("it answers");
        let done = statement.execute(&mut connection).await;
        done.expect("is changed").rows_affected()
    } else {
        let file = arcus.folder().join("arcus.db");
        let options = SqliteConnectOptions::new().filename(file);
        let connection = SqliteConnection::connect_with(&options).await;
        let mut connection = connection.expect("the database opens");
        let done = statement.execute(&mut connection).await;
        done.expect("is changed").rows_affected()
    };
    assert_eq!(changed, 1, "one change was under way");
}

/// Kills it between the cloud's change and its answer, and starts it again much later.
async fn die(shop: &mut Shop, database: &Database) {
    shop.arcus.kill();
    shop.arcus.faults(&["latency_ms=0"]);
    be_away(database, &shop.arcus).await;
    shop.arcus.restart().await;
    shop.customer = shop.customer.at(shop.arcus.base());
}

async fn a_plan_that_the_cloud_has_changed_is_the_servers_however_late_that_is_seen(
    database: Database,
) {
    let mut shop = open(&database).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["latency_ms=4000"]);
    let form = [("package", "eos3")];
    let event = shop.asked(&path(id, "upgrade_package"), &form).await;
    let plans = "SELECT plan FROM instances";
    until_cloud(&shop.arcus, "the cloud's change", plans, |plans| {
        plans == ["eos3"]
    })
    .await;
    die(&mut shop, &database).await;
    shop.done(event).await;
    let shown = shop.shown(id).await;
    assert_eq!(
        (&shown["package"], &shown["state"], shown.get("error")),
        (&json!("eos3"), &json!("Running"), None)
    );
}

async fn a_snapshot_that_the_cloud_has_taken_is_there_however_late_that_is_seen(
    database: Database,
) {
    let mut shop = open(&database).await;
    let id = shop.server("web").await.to_string();
    shop.arcus.faults(&["latency_ms=4000"]);
    let form = [("id", &*id), ("name", "before")];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    let snapshots = "SELECT name FROM snapshots";
    until_cloud(&shop.arcus, "the snapshot", snapshots, |all| all.len() == 1).await;
    die(&mut shop, &database).await;
    shop.done(event).await;
    let all = shop.customer.get("/v1/snapshot/list").await.data();
    assert_eq!(all[0]["state"], "Available", "{all}");
    assert_eq!(at_cloud(&shop.arcus, snapshots).await.len(), 1);
}

async fn a_disk_that_the_cloud_has_put_back_is_not_put_back_again_however_late_that_is_seen(
    database: Database,
) {
    let mut shop = open(&database).await;
    let id = shop.server("web").await;
    let before = snapshot(&shop, id, "before").await;
    let reinstalled = "UPDATE instances SET disk = 'new' RETURNING disk";
    at_cloud(&shop.arcus, reinstalled).await;
    shop.arcus.faults(&["latency_ms=4000"]);
    let form = [("snapshot_id", &*before)];
    let event = shop.asked(&path(id, "restore_from_snapshot"), &form).await;
    let disks = "SELECT disk FROM instances";
    until_cloud(&shop.arcus, "the disk to be back", disks, |disks| {
        disks != ["new"]
    })
    .await;
    shop.arcus.kill();
    // Written by the server, which runs again meanwhile.
    let written = "UPDATE instances SET disk = 'written since' RETURNING disk";
    at_cloud(&shop.arcus, written).await;
    shop.arcus.faults(&["latency_ms=0"]);
    be_away(&database, &shop.arcus).await;
    shop.arcus.restart().await;
    shop.customer = shop.customer.at(shop.arcus.base());
    shop.done(event).await;
    assert_eq!(at_cloud(&shop.arcus, disks).await, ["written since"]);
    assert_eq!(shop.shown(id).await["state"], "Running");
}
