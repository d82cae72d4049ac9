//! The sandbox seen from outside: everything there is, what is changed behind the control plane's back, the faults.
//!
//! Used by `arcus sandbox` and by tests. Nothing here meets a fault, takes time or is counted as a call.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use domain::offer::Minimum;
use domain::server::Power;
use domain::{Image, ImageSource, Money, Plan, Timestamp};
use serde::Serialize;
use sqlx::Row;

use super::faults::Faults;
use super::machine::Machine;
use super::truth::{Change, Truth, lost};
use super::{creation, extras, rows};
use crate::cloud::{CloudError, CloudResult, CreateInstance, ErrorClass, Tag};

/// One sandbox's truth. Shared by cloning.
#[derive(Clone)]
pub struct World {
    truth: Arc<Truth>,
}

/// An instance as it really is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceRecord {
    /// The cloud's id.
    pub id: String,
    /// The name tag.
    pub name: String,
    /// What it is doing, in EC2's words: `pending`, `running`, `stopping`, `stopped`, `shutting-down`, `terminated`.
    pub state: &'static str,
    /// The token that it was made with; none on what is not ours.
    pub token: Option<String>,
    /// The installation that made it.
    pub installation: Option<String>,
    /// Its region.
    pub region: String,
    /// Its address, also while it is switched off.
    pub address: String,
    /// Its size.
    pub plan: String,
    /// Virtual processors.
    pub cpus: i64,
    /// Memory in MiB.
    pub memory_mib: i64,
    /// Disk in GiB.
    pub disk_gib: i64,
    /// The image that it was last installed from.
    pub image: String,
    /// Stands for what is on the disk: new with each installation, put back by restoring a snapshot, and that of a
    /// snapshot's instance where it was made from a snapshot.
    pub disk: String,
    /// When it was made, as RFC 3339.
    pub created_at: String,
}

/// What an instance was made with, for its guest and its firewall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Details {
    /// cloud-init user data.
    pub user_data: String,
    /// Public keys in OpenSSH's format.
    pub public_keys: Vec<String>,
    /// Ports to be reachable from outside.
    pub ports: Vec<u16>,
    /// Whether containers run inside.
    pub nesting: bool,
}

// === impl World: looking ===

impl World {
    /// Opens the file at `path`, and makes it where it is missing.
    pub async fn open(path: impl AsRef<Path>) -> CloudResult<Self> {
        let truth = Truth::at(path.as_ref())?;
        truth.open().await?;
        Ok(Self { truth })
    }

    /// Every instance that is not terminated, the oldest first.
    pub async fn instances(&self) -> CloudResult<Vec<InstanceRecord>> {
        let mut all = self.all_instances().await?;
        all.retain(|instance| instance.state != Power::Terminated.as_str());
        Ok(all)
    }

    /// Every snapshot: the id of its instance, and its name.
    pub async fn snapshots(&self) -> CloudResult<Vec<(String, String)>> {
        let query = sqlx::query_as(
            "SELECT i.id, s.name FROM snapshots s JOIN instances i ON i.serial = s.instance ORDER BY s.created_at, s.name",
        );
        let mut on = self.truth.read().await?;
        query.fetch_all(&mut *on).await.map_err(lost)
    }

    /// Every instance that there ever was, the oldest first.
    pub async fn all_instances(&self) -> CloudResult<Vec<InstanceRecord>> {
        let machines = rows::everything(&mut *self.truth.read().await?).await?;
        let now = self.truth.now();
        Ok(machines
            .iter()
            .map(|machine| record(machine, now))
            .collect())
    }

    /// What an instance was made with.
    pub async fn details(&self, id: &str) -> CloudResult<Details> {
        let query = sqlx::query(
            "SELECT user_data, public_keys, ports, nesting FROM instances WHERE id = $1",
        );
        let row = query
            .bind(id)
            .fetch_optional(&mut *self.truth.read().await?)
            .await;
        let row = row.map_err(lost)?.ok_or_else(|| unknown(id))?;
        let list = |column| row.try_get::<&str, _>(column).map_err(lost);
        Ok(Details {
            user_data: row.try_get("user_data").map_err(lost)?,
            public_keys: parse(list("public_keys")?)?,
            ports: parse(list("ports")?)?,
            nesting: row.try_get("nesting").map_err(lost)?,
        })
    }

    /// Whether that is the hash of the password which was last set for a user of an instance.
    pub async fn password_hash_is(&self, id: &str, user: &str, hash: &str) -> CloudResult<bool> {
        let mut on = self.truth.read().await?;
        let machine = rows::by_id(&mut on, id).await?.ok_or_else(|| unknown(id))?;
        extras::password_hash_is(&mut on, machine.serial, user, hash).await
    }

    /// How often each method of the driver was called since the beginning or the last reset, by every process that
    /// uses this file, whatever became of the call. A `wait` counts as a `get` for each look that it takes.
    pub async fn calls(&self) -> CloudResult<BTreeMap<String, u64>> {
        let query = sqlx::query("SELECT method, times FROM calls");
        let rows = query
            .fetch_all(&mut *self.truth.read().await?)
            .await
            .map_err(lost)?;
        let decode = |row: &sqlx::sqlite::SqliteRow| {
            Ok((
                row.try_get("method")?,
                row.try_get::<i64, _>("times")?.unsigned_abs(),
            ))
        };
        rows.iter()
            .map(decode)
            .collect::<sqlx::Result<_>>()
            .map_err(lost)
    }

    /// The faults in force.
    pub async fn faults(&self) -> CloudResult<Faults> {
        self.truth.faults().await
    }
}

// === impl World: changing ===

impl World {
    /// Sets all faults; they hold for every call that begins from now on.
    pub async fn set_faults(&self, faults: &Faults) -> CloudResult<()> {
        let mut change = self.truth.change().await?;
        let body = serde_json::json!(faults).to_string();
        let query = sqlx::query("UPDATE faults SET body = $1 WHERE id = 1");
        query.bind(body).execute(change.on()).await.map_err(lost)?;
        change.commit().await
    }

    /// Somebody switches an instance off; it is off at once.
    pub async fn stop(&self, id: &str) -> CloudResult<()> {
        self.alter(id, |machine, now| {
            machine.stop(now, &Faults::default(), true);
        })
        .await
    }

    /// Somebody switches an instance on; it runs at once.
    pub async fn start(&self, id: &str) -> CloudResult<()> {
        self.alter(id, |machine, now| machine.boot(now, &Faults::default()))
            .await
    }

    /// Somebody destroys an instance; it is gone at once.
    pub async fn destroy(&self, id: &str) -> CloudResult<()> {
        self.alter(id, Machine::vanish).await
    }

    /// Somebody gives an instance another name.
    pub async fn rename(&self, id: &str, name: &str) -> CloudResult<()> {
        self.alter(id, |machine, _| name.clone_into(&mut machine.name))
            .await
    }

    /// Somebody makes an instance; it runs at once. With a tag of our installation and a token that no database
    /// knows it is an orphan; without a tag it is none of our business.
    pub async fn add(
        &self,
        region: &str,
        name: &str,
        tag: Option<&Tag>,
    ) -> CloudResult<InstanceRecord> {
        let mut change = self.truth.change().await?;
        let (request, now) = (strange(region, name), change.now);
        let faults = Faults::default();
        let machine = creation::make(&mut change, &request, tag, now, &faults).await?;
        change.commit().await?;
        Ok(record(&machine, now))
    }

    /// Empties the sandbox: no instances, no faults, no calls.
    pub async fn reset(&self) -> CloudResult<()> {
        let mut change = self.truth.change().await?;
        let statements = "DELETE FROM instances; DELETE FROM calls; UPDATE faults SET body = '{}'";
        sqlx::raw_sql(statements)
            .execute(change.on())
            .await
            .map_err(lost)?;
        change.commit().await
    }

    async fn alter(
        &self,
        id: &str,
        alter: impl FnOnce(&mut Machine, Timestamp) + Send,
    ) -> CloudResult<()> {
        let mut change = self.truth.change().await?;
        let mut machine = living(&mut change, id).await?;
        alter(&mut machine, change.now);
        change.save(&machine).await?;
        change.commit().await
    }
}

async fn living(change: &mut Change, id: &str) -> CloudResult<Machine> {
    let now = change.now;
    let machine = rows::by_id(change.on(), id).await?;
    let living = machine.filter(|machine| machine.power(now) != Power::Terminated);
    living.ok_or_else(|| unknown(id))
}

fn record(machine: &Machine, now: Timestamp) -> InstanceRecord {
    let tag = machine.tag.clone();
    let (installation, token) = tag.map(|tag| (tag.installation, tag.token)).unzip();
    InstanceRecord {
        id: machine.id.clone(),
        name: machine.name.clone(),
        state: machine.power(now).as_str(),
        token,
        installation,
        region: machine.region.clone(),
        address: machine.address_text(),
        plan: machine.plan.clone(),
        cpus: machine.cpus,
        memory_mib: machine.memory_mib,
        disk_gib: machine.disk_gib,
        image: machine.image.clone(),
        disk: machine.disk.clone(),
        created_at: machine.created_at.rfc3339(),
    }
}

/// What somebody else would ask for.
pub(super) fn strange(region: &str, name: &str) -> CreateInstance {
    let plan = Plan {
        slug: "unknown".to_owned(),
        family: String::new(),
        cpus: 1,
        memory_mib: 1024,
        disk_gib: 10,
        bandwidth_tb: 0,
        hourly: Money(0),
        monthly: Money(0),
        open: false,
    };
    let image = Image {
        slug: "unknown".to_owned(),
        name: String::new(),
        distribution: String::new(),
        login_user: "root".to_owned(),
        source: ImageSource::default(),
        packages: Vec::new(),
        minimum: Minimum::default(),
        open: false,
    };
    CreateInstance {
        tag: Tag {
            installation: String::new(),
            token: String::new(),
        },
        name: name.to_owned(),
        region: region.to_owned(),
        plan,
        image,
        user_data: String::new(),
        public_keys: Vec::new(),
        ports: Vec::new(),
        group: "group".to_owned(),
        is_first: false,
        nesting: false,
        snapshot: None,
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> CloudResult<T> {
    let wrong = |error| format!("the sandbox's file is damaged: {error}");
    serde_json::from_str(text)
        .map_err(|error| CloudError::new(ErrorClass::Unavailable, wrong(error)))
}

fn unknown(id: &str) -> CloudError {
    CloudError::new(
        ErrorClass::NotFound,
        format!("the sandbox has no instance {id}"),
    )
}
