//! What the operator has on the desk: what a command prints, what it refuses, and a way to let hours go by.
//!
//! Used by the tests of money, quotas and capacity. What must stay true: time goes by in the database alone, by moving back
//! when a server began to cost something; what is charged for it is the program's own doing.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use testkit::{Arcus, Builder, Client, Database, Shop, wait};

/// How long something may take at the simulated cloud.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An hour in the database.
const HOUR: i64 = 3_600_000_000;

/// The tenth of May 2024, in the database: a month that is over, whenever this runs.
const IN_MAY_2024: i64 = 1_715_300_000_000_000;

/// Two tests of each of these functions, `NAME::on_sqlite` and `NAME::on_postgres`, each with the database that it may
/// open beside Arcus.
macro_rules! with_the_database {
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
pub(crate) use with_the_database;

/// The binary on that database.
pub(crate) fn on(database: &Database) -> Builder {
    Builder::new(env!("CARGO_BIN_EXE_arcus")).database(database.clone())
}

/// A shop on that database, started with those lines of `arcus.toml`.
pub(crate) async fn shop_with(database: &Database, file: &str) -> (Shop, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("arcus.toml"), file).expect("is written");
    let arcus = on(database).start_in(folder.path()).await;
    (Shop::on(arcus).await, folder)
}

/// What a command prints, which must succeed.
pub(crate) fn said(arcus: &Arcus, arguments: &[&str]) -> String {
    arcus.tell(arguments, "")
}

/// Why a command refuses; it prints nothing else.
pub(crate) fn refused(arcus: &Arcus, arguments: &[&str]) -> String {
    let output = arcus.run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    said
}

/// The rows of the table that a command prints, each by the names of its columns. Lines before the table and after an empty
/// line are none.
pub(crate) fn table(arcus: &Arcus, arguments: &[&str]) -> Vec<Value> {
    let output = arcus.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("is text");
    let is_header = |line: &&str| !line.trim().is_empty() && *line == line.to_uppercase();
    let mut lines = text.lines().skip_while(|line| !is_header(line));
    let header = lines.next().unwrap_or_else(|| panic!("no table: {text}"));
    let columns = columns(header);
    let rows = lines.take_while(|line| !line.trim().is_empty());
    rows.map(|row| cells(&columns, row)).collect()
}

/// Where each column begins, and its name: names are parted by two blanks at the least.
fn columns(header: &str) -> Vec<(usize, &str)> {
    let mut columns = Vec::new();
    let mut at = 0;
    for part in header.split("  ") {
        let name = part.trim();
        if !name.is_empty() {
            let blanks = part.len() - part.trim_start().len();
            columns.push((at + blanks, name));
        }
        at += part.len() + 2;
    }
    columns
}

fn cells(columns: &[(usize, &str)], row: &str) -> Value {
    let letters: Vec<char> = row.chars().collect();
    let ends = columns.iter().skip(1).map(|(begins, _)| *begins);
    let cells = columns.iter().zip(ends.chain([letters.len()]));
    let cell = |((begins, name), ends): (&(usize, &str), usize)| {
        let text: String = letters[*begins..ends.max(*begins)].iter().collect();
        ((*name).to_owned(), Value::from(text.trim()))
    };
    Value::Object(cells.map(cell).collect::<Map<_, _>>())
}

/// The row that has this in that column.
pub(crate) fn row(rows: &[Value], column: &str, text: &str) -> Value {
    let found = rows.iter().find(|row| row[column] == text);
    let found = found.unwrap_or_else(|| panic!("no {column} {text} in {rows:#?}"));
    found.clone()
}

/// The balance of an organisation as its API shows it, to the unit.
pub(crate) async fn balance(shop: &Shop) -> String {
    let answer = shop.customer.get("/v1/account/user_balance").await;
    let text = answer.text.clone();
    answer.data();
    // As it is printed: a float would round it.
    let (_, rest) = text.split_once("\"balance\":").expect("a balance");
    let number = rest.split(['}', ',']).next().expect("a number");
    number.to_owned()
}

/// The owner's provider for the operator's regions, which it has had since its first server there, or gets now.
pub(crate) async fn house(shop: &Shop) -> String {
    let known = shop.owner.get("/providers").await.ok();
    match known["arcus"][0]["id"].as_str() {
        Some(id) => id.to_owned(),
        None => shop.owner.add_provider("arcus").await,
    }
}

/// Buys a server in `ist2` for a customer, and waits until it runs; its id.
pub(crate) async fn buy(customer: &Client, name: &str, package: &str) -> i64 {
    let body = json!({"name": name, "region": "ist2", "package": package, "image": "debian-12"});
    customer.post("/v1/server/create", &body).await.data();
    wait::until("a server to run", PATIENCE, || async {
        let listed = customer.get("/v1/server/list").await.data();
        let mut listed = listed.as_array().expect("an array").iter();
        let server = listed.find(|server| server["name"] == name)?;
        (server["state"] == "Running").then(|| server["id"].as_i64().expect("an id"))
    })
    .await
}

/// Destroys a customer's server, and waits until it is gone.
pub(crate) async fn destroy(customer: &Client, id: i64) {
    let path = format!("/v1/server/{id}/destroy");
    customer.delete(&path).await.ok();
    let path = format!("/v1/server/{id}");
    wait::until("a server to be gone", PATIENCE, || async {
        (customer.get(&path).await.status == 404).then_some(())
    })
    .await;
}

/// Whether the owner has an environment of that name.
pub(crate) async fn has_environment(shop: &Shop, name: &str) -> bool {
    let all = shop.owner.get("/environments").await.ok();
    let mut all = all.as_array().expect("an array").iter();
    all.any(|environment| environment["name"] == name)
}

/// The database beside a running Arcus.
pub(crate) struct Past {
    database: Database,
    file: PathBuf,
}

// === impl Past ===

impl Past {
    /// The database of that Arcus.
    pub(crate) fn of(database: &Database, arcus: &Arcus) -> Self {
        Self {
            database: database.clone(),
            file: arcus.folder().join("arcus.db"),
        }
    }

    /// Lets so many hours go by for a server: from now on it has been there so much longer.
    pub(crate) async fn let_hours_go_by(&self, server: i64, hours: i64) {
        let by = hours * HOUR;
        self.run(&format!(
            "UPDATE billing_intervals SET began_at = began_at - {by}, ended_at = ended_at - {by} WHERE server_id = {server}"
        ))
        .await;
    }

    /// These servers, which are destroyed, were there in May 2024, for so many hours beside the one that they are charged
    /// today. One statement for all of them: Arcus may charge at any moment, and writes the invoice of a month once.
    pub(crate) async fn were_there_in_may(&self, arcus: &Arcus, servers: &[i64], hours: i64) {
        // Whatever is not charged yet of their own time is charged now.
        said(arcus, &["billing", "charge"]);
        let all: Vec<_> = servers.iter().map(i64::to_string).collect();
        let ended_at = IN_MAY_2024 + (hours + 1) * HOUR;
        self.run(&format!(
            "UPDATE billing_intervals SET began_at = {IN_MAY_2024}, ended_at = {ended_at}, settled = FALSE \
             WHERE server_id IN ({})",
            all.join(", ")
        ))
        .await;
        said(arcus, &["billing", "charge"]);
    }

    /// Runs one statement, as an operator would with psql or sqlite3.
    pub(crate) async fn run(&self, statement: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        let ran = if let Some(url) = self.database.url() {
            let mut postgres = PgConnection::connect(url).await.expect("it answers");
            query.execute(&mut postgres).await.map(drop)
        } else {
            let options = SqliteConnectOptions::new()
                .filename(&self.file)
                .busy_timeout(Duration::from_secs(10));
            let mut sqlite = SqliteConnection::connect_with(&options)
                .await
                .expect("the file opens");
            query.execute(&mut sqlite).await.map(drop)
        };
        ran.expect(statement);
    }
}
