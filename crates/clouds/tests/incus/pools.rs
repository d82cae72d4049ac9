//! What differs by the storage that an instance is on: when a snapshot is whole, and what is known of a disk.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use clouds::{Cloud, ErrorClass, Instance, Until};
use domain::credentials::Credentials;
use domain::random;
use futures::FutureExt;
use serde_json::{Value, json};

use crate::rig::{PATIENCE, Rig, eventually, local, on_incus, open, plan, until_it_can};

/// Runs a test with a pool of its own, and an instance that runs in it. Nothing is left of either.
pub(crate) async fn in_a_pool(
    rig: &Rig,
    driver: &str,
    config: Value,
    test: impl AsyncFnOnce(&Arc<dyn Cloud>, &Instance),
) {
    let pool = format!("arcus-test-{}", random::hex::<4>());
    let body = json!({ "name": pool, "driver": driver, "config": config });
    rig.raw.call("POST", "storage-pools", Some(&body)).await;
    let mut options = local(&rig.raw.socket);
    options.insert("pool".to_owned(), json!(pool));
    let cloud = open(options, Credentials::default()).expect("opens");
    let made = cloud.create(&rig.request("pool")).await;
    let outcome = match &made {
        Ok(made) => {
            let running = cloud.wait(&made.at, Until::Running, PATIENCE).await;
            let test = async { test(&cloud, &running.expect("runs")).await };
            AssertUnwindSafe(test).catch_unwind().await
        }
        Err(_) => Ok(()),
    };
    if let Ok(made) = &made {
        until_it_can(async || cloud.destroy(&made.at).await)
            .await
            .expect("is destroyed");
        cloud
            .wait(&made.at, Until::Gone, PATIENCE)
            .await
            .expect("is gone");
    }
    let path = format!("storage-pools/{pool}");
    rig.raw.call("DELETE", &path, None).await;
    if let Err(reason) = outcome {
        resume_unwind(reason);
    }
    made.expect("creates");
}

#[tokio::test]
async fn a_snapshot_that_is_being_copied_is_not_listed_before_it_is_whole() {
    on_incus(async |rig| {
        // On this driver a snapshot is a copy, file by file.
        in_a_pool(rig, "dir", json!({}), async |cloud, made| {
            let fill = "head -c 1500M /dev/zero >/root/big; sync";
            rig.inside(made, fill).await;
            let path = format!("instances/{}/snapshots", made.at.id);
            let body = json!({ "name": "slow", "stateful": false });
            // Somebody asks for it, and dies.
            let begun = rig.raw.call("POST", &path, Some(&body)).await;
            let operation = format!("operations/{}", begun["id"].as_str().expect("has an id"));
            let status = async || rig.raw.call("GET", &operation, None).await["status"].clone();
            let shown = async || rig.raw.call("GET", &path, None).await;
            let is_shown = |shown: &Value| shown.as_array().is_some_and(|all| !all.is_empty());
            let shown = eventually(shown, is_shown).await;
            assert!(is_shown(&shown), "Incus shows it at once: {shown}");
            assert_eq!(status().await, "Running", "it is not made yet");

            let listed = cloud.snapshots(&made.at).await.expect("lists");
            assert_eq!(status().await, "Success", "it was waited for");
            let names: Vec<_> = listed.iter().map(|listed| &listed.name).collect();
            assert_eq!(names, ["slow"]);
        })
        .await;
    })
    .await;
}

/// Refused, with nothing changed and this in its words.
async fn must_be_refused(rig: &Rig, cloud: &Arc<dyn Cloud>, made: &Instance, words: &str) {
    let before = rig.shown(made).await;
    let refused = cloud.resize(&made.at, &plan(2, 640, 3)).await;
    let refused = refused.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::Rejected, "{refused}");
    assert!(refused.message.contains(words), "{refused}");
    let after = rig.shown(made).await;
    assert_eq!(after["config"], before["config"], "nothing was changed");
    assert_eq!(after["devices"], before["devices"]);
}

/// Off, and nothing is on its disk that it would not share with its image or a snapshot.
async fn switched_off_with_a_snapshot(cloud: &Arc<dyn Cloud>, made: &Instance) {
    cloud
        .create_snapshot(&made.at, "shared")
        .await
        .expect("takes a snapshot");
    cloud.stop(&made.at, true).await.expect("stops");
    cloud
        .wait(&made.at, Until::Stopped, PATIENCE)
        .await
        .expect("is off");
}

#[tokio::test]
async fn a_disk_that_nobody_can_count_does_not_become_smaller() {
    on_incus(async |rig| {
        for (driver, config) in [("dir", json!({})), ("btrfs", json!({ "size": "3GiB" }))] {
            in_a_pool(rig, driver, config, async |cloud, made| {
                switched_off_with_a_snapshot(cloud, made).await;
                must_be_refused(rig, cloud, made, "switch it on first").await;
                cloud.start(&made.at).await.expect("starts");
                cloud
                    .wait(&made.at, Until::Running, PATIENCE)
                    .await
                    .expect("runs");
                cloud
                    .resize(&made.at, &plan(1, 512, 3))
                    .await
                    .expect("fits, as its system says");
                // A system that has no way to count is no better than one that is off.
                rig.inside(made, "chmod a-x /usr/bin/du").await;
                let words = "can't tell how much is on the disk";
                cloud
                    .resize(&made.at, &plan(1, 512, 4))
                    .await
                    .expect("grows");
                must_be_refused(rig, cloud, made, words).await;
            })
            .await;
        }
    })
    .await;
}
