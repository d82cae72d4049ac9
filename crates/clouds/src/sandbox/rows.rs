//! The statements on instances.
//!
//! What must stay true: every statement is a literal, so that SQLite prepares it once per connection.

use domain::Timestamp;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::machine::{Goal, Machine};
use super::truth::{Change, lost};
use crate::cloud::{CloudError, CloudResult, CreateInstance, InstanceRef, Tag};

/// All of a machine; the bulky rest of the row is read by itself where it is wanted.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT serial, id, region, name, installation, token, plan, cpus, memory_mib, \
             disk_gib, image, address, disk, goal, settles_at, visible_at, started_at, \
             stopped_at, created_at FROM instances ",
            $rest
        )
    };
}

/// The instance at `at`, whether the API shows it or not.
pub(super) async fn machine(
    on: &mut SqliteConnection,
    at: &InstanceRef,
) -> CloudResult<Option<Machine>> {
    let query = sqlx::query(select!("WHERE id = $1 AND region = $2"));
    let row = query
        .bind(&at.id)
        .bind(&at.region)
        .fetch_optional(on)
        .await
        .map_err(lost)?;
    row.map(|row| decode(&row)).transpose().map_err(lost)
}

/// The instance of that id, in whatever region.
pub(super) async fn by_id(on: &mut SqliteConnection, id: &str) -> CloudResult<Option<Machine>> {
    let query = sqlx::query(select!("WHERE id = $1"));
    let row = query.bind(id).fetch_optional(on).await.map_err(lost)?;
    row.map(|row| decode(&row)).transpose().map_err(lost)
}

/// The instance that a create with this tag made before, unless it is on its way out.
pub(super) async fn by_token(on: &mut SqliteConnection, tag: &Tag) -> CloudResult<Option<Machine>> {
    let query = sqlx::query(select!(
        "WHERE installation = $1 AND token = $2 AND goal <> 'terminated' ORDER BY serial LIMIT 1"
    ));
    let query = query.bind(&tag.installation).bind(&tag.token);
    let row = query.fetch_optional(on).await.map_err(lost)?;
    row.map(|row| decode(&row)).transpose().map_err(lost)
}

/// The instances of a region that the API shows under a tag.
pub(super) async fn find(
    on: &mut SqliteConnection,
    region: &str,
    tag: &Tag,
    now: Timestamp,
) -> CloudResult<Vec<Machine>> {
    let query = sqlx::query(select!(
        "WHERE installation = $1 AND token = $2 AND region = $3 AND visible_at <= $4 \
         AND NOT (goal = 'terminated' AND settles_at <= $4) ORDER BY serial"
    ));
    let query = query
        .bind(&tag.installation)
        .bind(&tag.token)
        .bind(region)
        .bind(now.0);
    all(query.fetch_all(on).await)
}

/// The instances of a region that the API shows under an installation.
pub(super) async fn list(
    on: &mut SqliteConnection,
    region: &str,
    installation: &str,
    now: Timestamp,
) -> CloudResult<Vec<Machine>> {
    let query = sqlx::query(select!(
        "WHERE installation = $1 AND region = $2 AND visible_at <= $3 \
         AND NOT (goal = 'terminated' AND settles_at <= $3) ORDER BY serial"
    ));
    let query = query.bind(installation).bind(region).bind(now.0);
    all(query.fetch_all(on).await)
}

/// Every row that there ever was.
pub(super) async fn everything(on: &mut SqliteConnection) -> CloudResult<Vec<Machine>> {
    all(sqlx::query(select!("ORDER BY serial")).fetch_all(on).await)
}

/// What user data an instance was last installed with.
pub(super) async fn user_data(on: &mut SqliteConnection, serial: i64) -> CloudResult<String> {
    let query = sqlx::query_scalar("SELECT user_data FROM instances WHERE serial = $1");
    query.bind(serial).fetch_one(on).await.map_err(lost)
}

fn all(rows: sqlx::Result<Vec<SqliteRow>>) -> CloudResult<Vec<Machine>> {
    rows.and_then(|rows| rows.iter().map(decode).collect())
        .map_err(lost)
}

fn decode(row: &SqliteRow) -> sqlx::Result<Machine> {
    let time = |column| row.try_get(column).map(Timestamp);
    let installation: Option<String> = row.try_get("installation")?;
    let token: Option<String> = row.try_get("token")?;
    let goal: &str = row.try_get("goal")?;
    let goal = Goal::parse(goal)
        .ok_or_else(|| sqlx::Error::Decode(format!("no goal is called {goal:?}").into()))?;
    Ok(Machine {
        serial: row.try_get("serial")?,
        id: row.try_get("id")?,
        region: row.try_get("region")?,
        name: row.try_get("name")?,
        tag: installation.zip(token).map(|(installation, token)| Tag {
            installation,
            token,
        }),
        plan: row.try_get("plan")?,
        cpus: row.try_get("cpus")?,
        memory_mib: row.try_get("memory_mib")?,
        disk_gib: row.try_get("disk_gib")?,
        image: row.try_get("image")?,
        address: row.try_get("address")?,
        disk: row.try_get("disk")?,
        goal,
        settles_at: time("settles_at")?,
        visible_at: time("visible_at")?,
        started_at: time("started_at")?,
        stopped_at: row.try_get::<Option<i64>, _>("stopped_at")?.map(Timestamp),
        created_at: time("created_at")?,
    })
}

// === impl Change: instances ===

impl Change {
    /// The instance at `at` as the API lets it be changed: shown, and not gone.
    pub(super) async fn shown(&mut self, at: &InstanceRef) -> CloudResult<Machine> {
        let now = self.now;
        let machine = machine(self.on(), at)
            .await?
            .filter(|machine| machine.is_shown(now));
        machine.ok_or_else(|| CloudError::not_found(at))
    }

    /// Writes a machine back.
    pub(super) async fn save(&mut self, machine: &Machine) -> CloudResult<()> {
        let query = sqlx::query(
            "UPDATE instances SET name = $1, installation = $2, token = $3, plan = $4, cpus = $5, \
             memory_mib = $6, disk_gib = $7, image = $8, disk = $9, goal = $10, settles_at = $11, \
             started_at = $12, stopped_at = $13 WHERE serial = $14",
        );
        query
            .bind(&machine.name)
            .bind(machine.tag.as_ref().map(|tag| &tag.installation))
            .bind(machine.tag.as_ref().map(|tag| &tag.token))
            .bind(&machine.plan)
            .bind(machine.cpus)
            .bind(machine.memory_mib)
            .bind(machine.disk_gib)
            .bind(&machine.image)
            .bind(&machine.disk)
            .bind(machine.goal.as_str())
            .bind(machine.settles_at.0)
            .bind(machine.started_at.0)
            .bind(machine.stopped_at.map(|at| at.0))
            .bind(machine.serial)
            .execute(self.on())
            .await
            .map_err(lost)?;
        Ok(())
    }

    /// Gives an instance what its next system is told.
    pub(super) async fn set_first_words(
        &mut self,
        serial: i64,
        user_data: &str,
        nesting: bool,
    ) -> CloudResult<()> {
        let query =
            sqlx::query("UPDATE instances SET user_data = $1, nesting = $2 WHERE serial = $3");
        query
            .bind(user_data)
            .bind(nesting)
            .bind(serial)
            .execute(self.on())
            .await
            .map_err(lost)?;
        Ok(())
    }

    /// Writes a new machine with what its guest reads.
    pub(super) async fn insert(
        &mut self,
        machine: &Machine,
        request: &CreateInstance,
    ) -> CloudResult<()> {
        let query = sqlx::query(
            "INSERT INTO instances (serial, id, region, name, installation, token, plan, cpus, \
             memory_mib, disk_gib, image, address, disk, goal, settles_at, visible_at, started_at, \
             stopped_at, created_at, user_data, public_keys, ports, nesting) VALUES ($1, $2, $3, \
             $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
             $22, $23)",
        );
        query
            .bind(machine.serial)
            .bind(&machine.id)
            .bind(&machine.region)
            .bind(&machine.name)
            .bind(machine.tag.as_ref().map(|tag| &tag.installation))
            .bind(machine.tag.as_ref().map(|tag| &tag.token))
            .bind(&machine.plan)
            .bind(machine.cpus)
            .bind(machine.memory_mib)
            .bind(machine.disk_gib)
            .bind(&machine.image)
            .bind(machine.address)
            .bind(&machine.disk)
            .bind(machine.goal.as_str())
            .bind(machine.settles_at.0)
            .bind(machine.visible_at.0)
            .bind(machine.started_at.0)
            .bind(machine.stopped_at.map(|at| at.0))
            .bind(machine.created_at.0)
            .bind(&request.user_data)
            .bind(json(&request.public_keys))
            .bind(json(&request.ports))
            .bind(request.nesting)
            .execute(self.on())
            .await
            .map_err(lost)?;
        Ok(())
    }
}

fn json<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::json!(list).to_string()
}
