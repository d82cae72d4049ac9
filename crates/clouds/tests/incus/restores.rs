//! Going back to a snapshot: the disk does, and nothing else.

use clouds::{ErrorClass, Instance, Tag, Until};
use domain::server::Power;
use serde_json::{Value, json};

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
            .restore_snapshot(&made.at, "before")
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
        let lost = proxy.cloud.restore_snapshot(&made.at, "before").await;
        let lost = lost.expect_err("no answer");
        assert_eq!(lost.class, ErrorClass::OutcomeUnknown, "{lost}");
        assert_eq!(notes(rig, &made).await.len(), 1);
        // What was restored is over before it is asked for again, so that nothing but the note knows the size.
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        until_it_can(async || rig.cloud.restore_snapshot(&made.at, "before").await)
            .await
            .expect("restores");
        must_be_as_before(rig, &made, &tag).await;
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_that_is_gone_changes_nothing() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("unrestored")).await;
        let before = rig.shown(&made).await;
        let error = rig.cloud.restore_snapshot(&made.at, "no-such").await;
        let error = error.expect_err("refused");
        assert_eq!(error.class, ErrorClass::NotFound, "{error}");
        let after = rig.shown(&made).await;
        assert_eq!(after["config"], before["config"]);
        assert_eq!(after["status"], "Running");
        assert_eq!(notes(rig, &made).await, [""; 0]);
    })
    .await;
}
