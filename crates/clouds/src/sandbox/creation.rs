//! A create: what is known already, what is refused, and where the new one goes.
//!
//! What must stay true: it is one transaction, so that two creates with one token, from two processes, make one
//! instance.

use std::time::Duration;

use domain::{Timestamp, random};

use super::faults::Faults;
use super::machine::{ADDRESSES, Goal, Machine};
use super::rows;
use super::truth::{Change, lost};
use crate::cloud::{CloudError, CloudResult, CreateInstance, ErrorClass, SnapshotRef, Tag};

/// Makes an instance, or gives the one that bears the token already.
pub(super) async fn create(
    change: &mut Change,
    request: &CreateInstance,
    faults: &Faults,
) -> CloudResult<Machine> {
    if !faults.ignore_tokens
        && let Some(known) = rows::by_token(change.on(), &request.tag).await?
    {
        return Ok(known);
    }
    if random::fraction() < faults.reject_create {
        let message = format!("the cloud refuses to make {}", request.name);
        return Err(CloudError::new(ErrorClass::Rejected, message));
    }
    if let Some(most) = faults.quota {
        let living = living(change).await?;
        if living >= most {
            let message = format!("the account has {living} of at most {most} instances");
            return Err(CloudError::new(ErrorClass::Quota, message));
        }
    }
    let disk = match &request.snapshot {
        Some(snapshot) => Some(snapshot_of(change, snapshot).await?),
        None => None,
    };
    let visible_at = change
        .now
        .plus(Duration::from_millis(faults.visible_after_ms));
    let mut machine = make(change, request, Some(&request.tag), visible_at, faults).await?;
    if let Some(disk) = disk {
        machine.disk = disk;
        change.save(&machine).await?;
    }
    Ok(machine)
}

/// What is on the disk that a snapshot is of. One that is gone stays gone, so that this is no "not found", which a create
/// would be tried again for.
async fn snapshot_of(change: &mut Change, snapshot: &SnapshotRef) -> CloudResult<String> {
    let gone = |error: CloudError| match error.class {
        ErrorClass::NotFound => CloudError::new(
            ErrorClass::Rejected,
            "the snapshot is gone; nothing was made of it",
        ),
        _ => error,
    };
    let of = change.shown(&snapshot.of).await.map_err(gone)?;
    let disk = change.snapshot_disk(of.serial, &snapshot.name).await;
    disk.map_err(gone)
}

/// Makes an instance without asking anything.
pub(super) async fn make(
    change: &mut Change,
    request: &CreateInstance,
    tag: Option<&Tag>,
    visible_at: Timestamp,
    faults: &Faults,
) -> CloudResult<Machine> {
    let now = change.now;
    let serial = next_serial(change).await?;
    let mut machine = Machine {
        serial,
        id: format!("sb-{}", random::hex::<8>()),
        region: request.region.clone(),
        name: request.name.clone(),
        tag: tag.cloned(),
        plan: String::new(),
        cpus: 0,
        memory_mib: 0,
        disk_gib: 0,
        image: String::new(),
        address: free_address(change, serial).await?,
        disk: String::new(),
        goal: Goal::Running,
        settles_at: now,
        visible_at,
        started_at: now,
        stopped_at: None,
        created_at: now,
    };
    machine.size(&request.plan);
    machine.install(&request.image, now, faults);
    change.insert(&machine, request).await?;
    Ok(machine)
}

async fn living(change: &mut Change) -> CloudResult<u64> {
    let query = sqlx::query_scalar(
        "SELECT count(*) FROM instances WHERE NOT (goal = 'terminated' AND settles_at <= $1)",
    );
    let now = change.now;
    let count: i64 = query
        .bind(now.0)
        .fetch_one(change.on())
        .await
        .map_err(lost)?;
    Ok(u64::try_from(count).unwrap_or_default())
}

async fn next_serial(change: &mut Change) -> CloudResult<i64> {
    let query = sqlx::query_scalar("SELECT coalesce(max(serial), 0) + 1 FROM instances");
    query.fetch_one(change.on()).await.map_err(lost)
}

/// An address of the network: the serial number's own, until there have been so many that they come round again.
/// Then it is the next one that no living instance has.
async fn free_address(change: &mut Change, serial: i64) -> CloudResult<i64> {
    if serial <= ADDRESSES {
        return Ok(serial);
    }
    let now = change.now;
    for candidate in (0..ADDRESSES).map(|more| (serial + more - 1) % ADDRESSES + 1) {
        let query = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM instances WHERE address = $1 \
             AND NOT (goal = 'terminated' AND settles_at <= $2))",
        );
        let query = query.bind(candidate).bind(now.0);
        let taken: bool = query.fetch_one(change.on()).await.map_err(lost)?;
        if !taken {
            return Ok(candidate);
        }
    }
    Err(CloudError::new(
        ErrorClass::Quota,
        "the sandbox has no address left",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::truth::Truth;
    use crate::sandbox::world::strange;

    #[tokio::test]
    async fn addresses_that_come_round_again_pass_over_those_of_the_living() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let truth = Truth::at(&directory.path().join("sandbox.db")).expect("a file");
        let mut change = truth.change().await.expect("a change");
        let (request, now) = (strange("toy", "server"), change.now);
        let faults = Faults::default();
        let old = make(&mut change, &request, None, now, &faults)
            .await
            .expect("is made");
        sqlx::query("UPDATE instances SET serial = $1")
            .bind(ADDRESSES)
            .execute(change.on())
            .await
            .expect("is aged");
        let young = make(&mut change, &request, None, now, &faults)
            .await
            .expect("is made");
        assert_eq!(young.serial, ADDRESSES + 1);
        assert_eq!(
            (old.address_text(), young.address_text()),
            ("100.64.0.1".into(), "100.64.0.2".into())
        );
    }
}
