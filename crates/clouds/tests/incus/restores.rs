//! Going back to a snapshot: the disk does, and nothing else.

use std::sync::atomic::{AtomicBool, Ordering};

use clouds::{ErrorClass, Instance, Tag, Until};
use domain::server::Power;
use serde_json::{Map, Value, json};

use crate::interceptor::{Fate, Interceptor, refusal};
use crate::proxy::{Lost, Proxy};
use crate::rig::{PATIENCE, Rig, on_incus, plan, until_it_can};

/// Takes a snapshot, and changes everything after it: the disk, the owner, the size, the address's reservation.
async fn changed_since_its_snapshot(rig: &Rig) -> (Instance, Tag) {
    let made = rig.running(&rig.request("restored")).await;
    let at = &made.at;
    let settled = "cloud-init status --wait >/dev/null; echo old >/root/state; sync";
    rig.inside(&made, settled).await;
    rig.cloud
        .create_snapshot(at, "before")
        .await
        .expect("takes a snapshot");
    rig.inside(&made, "echo new >/root/state").await;
    let token = "another-token".to_owned();
    let tag = Tag {
        installation: rig.installation.clone(),
        token,
    };
    rig.cloud.adopt(at, &tag).await.expect("adopts");
    rig.cloud
        .resize(at, &plan(1, 640, 5))
        .await
        .expect("resizes");
    let mut nic = rig.shown(&made).await["expanded_devices"]["eth0"].clone();
    nic["ipv4.address"] = json!(made.address());
    let body = json!({ "devices": { "eth0": nic } });
    rig.raw
        .call("PATCH", &format!("instances/{}", at.id), Some(&body))
        .await;
    (made, tag)
}

async fn must_be_as_before(rig: &Rig, made: &Instance, tag: &Tag) {
    let restored = rig
        .cloud
        .wait(&made.at, Until::Running, PATIENCE)
        .await
        .expect("runs");
    assert_eq!(rig.inside(made, "cat /root/state").await, "old");
    assert_eq!(restored.tag.as_ref(), Some(tag));
    assert_eq!(restored.name, made.name);
    assert_eq!(restored.address(), made.address());
    assert_eq!(rig.memory_inside(made).await, 640 << 20);
    let devices = &rig.shown(made).await["devices"];
    assert_eq!(devices["root"]["size"], "5GiB");
    assert_eq!(devices["eth0"]["ipv4.address"], json!(made.address()));
    assert_eq!(notes(rig, made).await, [""; 0]);
}

/// The notes of restores of that instance.
async fn notes(rig: &Rig, made: &Instance) -> Vec<String> {
    let profiles = rig.raw.call("GET", "profiles", None).await;
    let names = profiles.as_array().expect("is a list").iter();
    let shown = rig.shown(made).await;
    let uuid = shown["config"]["volatile.uuid"].as_str();
    let uuid = uuid.expect("has one").to_owned();
    names
        .filter_map(Value::as_str)
        .filter(|name| name.ends_with(&uuid))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn a_restored_disk_leaves_everything_else_as_it_is() {
    on_incus(async |rig| {
        let (made, tag) = changed_since_its_snapshot(rig).await;
        let key = rig.host_key(&made).await;
        rig.cloud
            .restore_snapshot(&made.at, "before", "once")
            .await
            .expect("restores");
        let power = rig.cloud.get(&made.at).await.expect("is there").power;
        assert_eq!(power, Power::Running, "it ran before");
        must_be_as_before(rig, &made, &tag).await;
        assert_eq!(rig.host_key(&made).await, key, "the same system");
    })
    .await;
}

#[tokio::test]
async fn a_restore_whose_answer_is_lost_loses_nothing_when_it_is_asked_for_again() {
    on_incus(async |rig| {
        let (made, tag) = changed_since_its_snapshot(rig).await;
        let restores = format!("PUT /1.0/instances/{}?", made.at.id);
        let proxy = Proxy::that_loses(&rig.raw, Lost::Answers, move |line| {
            line.starts_with(&restores)
        });
        let lost = proxy
            .cloud
            .restore_snapshot(&made.at, "before", "once")
            .await;
        let lost = lost.expect_err("no answer");
        assert_eq!(lost.class, ErrorClass::OutcomeUnknown, "{lost}");
        assert_eq!(notes(rig, &made).await.len(), 1);
        // What was restored is over before it is asked for again, so that nothing but the note knows the size.
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        rig.inside(&made, "echo kept >/root/since; sync").await;
        until_it_can(async || rig.cloud.restore_snapshot(&made.at, "before", "once").await)
            .await
            .expect("restores");
        must_be_as_before(rig, &made, &tag).await;
        let since = "cat /root/since 2>/dev/null; true";
        assert_eq!(rig.inside(&made, since).await, "kept", "not done again");
        // Once more, when nothing but the mark is left that tells of it.
        rig.cloud
            .restore_snapshot(&made.at, "before", "once")
            .await
            .expect("is done");
        must_be_as_before(rig, &made, &tag).await;
        assert_eq!(rig.inside(&made, since).await, "kept", "not done again");

        rig.cloud
            .restore_snapshot(&made.at, "before", "twice")
            .await
            .expect("restores");
        must_be_as_before(rig, &made, &tag).await;
        assert_eq!(rig.inside(&made, since).await, "", "another one is done");
    })
    .await;
}

#[tokio::test]
async fn a_size_that_the_pool_refuses_leaves_the_limits_of_the_plan() {
    on_incus(async |rig| {
        let (made, tag) = changed_since_its_snapshot(rig).await;
        let interceptor = Interceptor::new(&rig.raw, Map::new(), |request, _| {
            if request.body["devices"].get("root").is_some() {
                refusal("Failed to update device \"root\": size is less than current used or reserved space")
            } else {
                Fate::PassedOn
            }
        });
        let refused = interceptor
            .cloud
            .restore_snapshot(&made.at, "before", "once")
            .await;
        let refused = refused.expect_err("is refused");
        assert_eq!(refused.class, ErrorClass::Rejected, "{refused}");
        let told = refused.message.contains("the disk was put back")
            && refused.message.contains("less than current used");
        assert!(told, "{refused}");
        let restored = rig
            .cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        assert_eq!(rig.inside(&made, "cat /root/state").await, "old");
        assert_eq!(restored.tag.as_ref(), Some(&tag));
        assert_eq!(rig.memory_inside(&made).await, 640 << 20);
        let devices = &rig.shown(&made).await["devices"];
        assert_eq!(devices["root"]["size"], "4GiB", "as in the snapshot");
        assert_eq!(devices["eth0"]["ipv4.address"], json!(made.address()));
        assert_eq!(notes(rig, &made).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_restore_that_was_given_up_tells_the_next_one_nothing() {
    on_incus(async |rig| {
        let (made, tag) = changed_since_its_snapshot(rig).await;
        let restored = AtomicBool::new(false);
        let puts_back = move |line: &str| {
            let was = restored.fetch_or(line.starts_with("PUT "), Ordering::SeqCst);
            was && line.starts_with("PATCH ")
        };
        let proxy = Proxy::that_loses(&rig.raw, Lost::Requests, puts_back);
        let broken = proxy
            .cloud
            .restore_snapshot(&made.at, "before", "given up")
            .await;
        broken.expect_err("nothing is put back");
        assert_eq!(notes(rig, &made).await.len(), 1);
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        assert_eq!(rig.memory_inside(&made).await, 512 << 20);

        // By then it is another's, and larger than ever.
        rig.cloud.adopt(&made.at, &tag).await.expect("adopts");
        rig.cloud
            .resize(&made.at, &plan(1, 768, 6))
            .await
            .expect("resizes");
        rig.cloud
            .restore_snapshot(&made.at, "before", "another")
            .await
            .expect("restores");
        let restored = rig
            .cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        assert_eq!(restored.tag.as_ref(), Some(&tag));
        assert_eq!(rig.memory_inside(&made).await, 768 << 20);
        let devices = &rig.shown(&made).await["devices"];
        assert_eq!(devices["root"]["size"], "6GiB");
        assert_eq!(notes(rig, &made).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_that_is_not_the_newest_is_refused_in_words_where_the_pool_is_zfs() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("newest")).await;
        rig.cloud
            .create_snapshot(&made.at, "older")
            .await
            .expect("takes a snapshot");
        let before = rig.shown(&made).await;
        let interceptor = Interceptor::new(&rig.raw, Map::new(), |request, _| {
            if request.body.get("restore").is_some() {
                refusal("Snapshot \"older\" cannot be restored due to subsequent snapshot(s). Set zfs.remove_snapshots to override")
            } else {
                Fate::PassedOn
            }
        });
        let refused = interceptor
            .cloud
            .restore_snapshot(&made.at, "older", "once")
            .await;
        let refused = refused.expect_err("is refused");
        assert_eq!(refused.class, ErrorClass::Rejected, "{refused}");
        assert!(refused.message.contains("newest snapshot only"), "{refused}");
        let after = rig.shown(&made).await;
        assert_eq!(after["config"], before["config"]);
        assert_eq!(after["status"], "Running");
        assert_eq!(notes(rig, &made).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_that_is_gone_changes_nothing() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("unrestored")).await;
        let before = rig.shown(&made).await;
        let error = rig
            .cloud
            .restore_snapshot(&made.at, "no-such", "never")
            .await;
        let error = error.expect_err("refused");
        assert_eq!(error.class, ErrorClass::NotFound, "{error}");
        let after = rig.shown(&made).await;
        assert_eq!(after["config"], before["config"]);
        assert_eq!(after["status"], "Running");
        assert_eq!(notes(rig, &made).await, [""; 0]);
    })
    .await;
}
