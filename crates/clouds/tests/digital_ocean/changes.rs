//! Sizes, and what must not be done twice.

use std::time::Duration;

use clouds::{Cloud, ErrorClass, InstanceRef, SnapshotRef, Until};
use domain::server::Power;
use serde_json::json;
use testkit::digital_ocean::{Fault, StandIn};

use super::rig::{PATIENCE, alone, image, plan, request, running};

fn begun(stand_in: &StandIn, kind: &str) -> usize {
    let body = format!("\"type\":\"{kind}\"");
    let calls = stand_in.calls().into_iter();
    calls.filter(|call| call.body.contains(&body)).count()
}

async fn is_on(cloud: &dyn Cloud, at: &InstanceRef) -> bool {
    cloud.get(at).await.expect("is there").power == Power::Running
}

#[tokio::test]
async fn a_disk_grows_with_the_size_and_never_shrinks() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("disk")).await;
    let (large, small) = (plan("s-2vcpu-4gb", 80), plan("s-1vcpu-1gb", 25));
    cloud.resize(&made.at, &large).await.expect("grows");
    assert!(
        stand_in
            .calls()
            .iter()
            .any(|call| call.body.contains("\"disk\":true"))
    );
    cloud.resize(&made.at, &large).await.expect("is so already");
    assert_eq!(begun(&stand_in, "resize"), 1);
    let refused = cloud.resize(&made.at, &small).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert_eq!(begun(&stand_in, "resize"), 1, "nothing was changed");
}

#[tokio::test]
async fn a_resize_whose_answer_was_lost_is_waited_for() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("resized")).await;
    let at = &made.at;
    cloud.stop(at, true).await.expect("accepted");
    cloud.wait(at, Until::Stopped, PATIENCE).await.expect("off");
    stand_in.set_pace(Duration::from_millis(500));
    stand_in.fault("POST", "/actions", Fault::HangUpAfter);
    let large = plan("s-2vcpu-4gb", 80);
    let lost = cloud.resize(at, &large).await.expect_err("lost");
    assert_eq!(lost.class, ErrorClass::OutcomeUnknown);
    cloud.resize(at, &large).await.expect("is so then");
    assert_eq!(begun(&stand_in, "resize"), 1, "nothing is sent amid it");
    cloud.start(at).await.expect("it is over");
}

#[tokio::test]
async fn a_snapshot_whose_answer_was_lost_is_waited_for() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("taken")).await;
    stand_in.set_pace(Duration::from_millis(500));
    stand_in.fault("POST", "/actions", Fault::HangUpAfter);
    let lost = cloud.create_snapshot(&made.at, "one").await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    assert_eq!(cloud.snapshots(&made.at).await.expect("listed").len(), 1);

    stand_in.fault("POST", "/actions", Fault::HangUpAfter);
    let lost = cloud.create_snapshot(&made.at, "two").await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    cloud
        .create_snapshot(&made.at, "two")
        .await
        .expect("is there");
    assert_eq!(stand_in.snapshots().len(), 2, "none was taken twice");
}

#[tokio::test]
async fn a_disk_is_thrown_away_once_under_one_mark() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("marks")).await;
    let at = &made.at;
    let rebuild = async |mark: &str| cloud.rebuild(at, &image(), "", false, mark).await;
    for (mark, times) in [("1-7", 1), ("1-7", 1), ("2-8", 2), ("2-8", 2)] {
        rebuild(mark).await.expect("rebuilt");
        assert_eq!(begun(&stand_in, "rebuild"), times, "{mark}");
    }
    // The answer to the action is lost, and whoever asked dies of it.
    stand_in.fault("POST", "/actions", Fault::HangUpAfter);
    let lost = rebuild("3-9").await.expect_err("lost");
    assert_eq!(lost.class, ErrorClass::OutcomeUnknown);
    rebuild("3-9").await.expect("is waited for");
    assert_eq!(begun(&stand_in, "rebuild"), 3);
    // One that failed is done again.
    stand_in.fault("POST", "/actions", Fault::FailAction);
    let failed = rebuild("4-9").await.expect_err("failed");
    assert_eq!(failed.class, ErrorClass::Rejected);
    rebuild("4-9").await.expect("rebuilt");
    assert_eq!(begun(&stand_in, "rebuild"), 5);
    let tags = stand_in.tags().into_iter();
    let marks = tags.filter(|tag| tag.starts_with("arcus-mark-")).count();
    assert_eq!(marks, 1, "old marks are forgotten");
}

#[tokio::test]
async fn what_was_off_is_off_again_also_when_the_answer_was_lost() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("off")).await;
    let at = &made.at;
    cloud.create_snapshot(at, "first").await.expect("taken");
    cloud.stop(at, true).await.expect("accepted");
    cloud.wait(at, Until::Stopped, PATIENCE).await.expect("off");
    cloud
        .restore_snapshot(at, "first", "1-1")
        .await
        .expect("restored");
    assert!(!is_on(&*cloud, at).await);
    stand_in.fault("POST", "/actions", Fault::HangUpAfter);
    let lost = cloud.restore_snapshot(at, "first", "2-1").await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    cloud
        .restore_snapshot(at, "first", "2-1")
        .await
        .expect("restored");
    assert!(!is_on(&*cloud, at).await);
    assert_eq!(begun(&stand_in, "restore"), 2);
}

#[tokio::test]
async fn a_snapshot_that_is_there_is_not_taken_again() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("again")).await;
    for _ in 0..2 {
        cloud
            .create_snapshot(&made.at, "once")
            .await
            .expect("there");
    }
    assert_eq!(stand_in.snapshots().len(), 1);
    let seen = cloud.snapshots(&made.at).await.expect("listed");
    assert_eq!(seen[0].name, "once");
    assert!(seen[0].size_bytes.is_some_and(|size| size > 2 << 30));
}

/// Begins a snapshot whose end nobody waits for.
async fn begin_snapshot(stand_in: &StandIn, cloud: &dyn Cloud, at: &InstanceRef, name: &str) {
    stand_in.fault("POST", "/actions", Fault::HangUpAfter);
    let lost = cloud.create_snapshot(at, name).await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    assert!(stand_in.snapshots().is_empty(), "it takes a while");
}

#[tokio::test]
async fn a_snapshot_that_is_being_taken_is_deleted_once_it_is_whole() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("early")).await;
    stand_in.set_pace(Duration::from_secs(1));
    begin_snapshot(&stand_in, &*cloud, &made.at, "early").await;
    let deleted = cloud.destroy_snapshot(&made.at, "early").await;
    deleted.expect("deleted");
    assert_eq!(cloud.snapshots(&made.at).await.expect("listed"), []);
}

/// All the way, as a server's end goes.
async fn destroy(cloud: &dyn Cloud, at: &InstanceRef) {
    cloud.destroy(at).await.expect("accepted");
    let gone = cloud.wait(at, Until::Gone, PATIENCE).await;
    gone.expect("gone");
    cloud.clear_gone(at).await.expect("cleared");
}

#[tokio::test]
async fn a_snapshot_that_is_being_taken_goes_with_its_droplet() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("under-way")).await;
    stand_in.set_pace(Duration::from_secs(1));
    begin_snapshot(&stand_in, &*cloud, &made.at, "one").await;
    destroy(&*cloud, &made.at).await;
    assert_eq!(stand_in.snapshots(), [""; 0]);
}

#[tokio::test]
async fn a_snapshot_that_lands_while_its_droplet_is_too_busy_to_go_goes_too() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("landing")).await;
    stand_in.set_pace(Duration::from_secs(1));
    begin_snapshot(&stand_in, &*cloud, &made.at, "one").await;
    // As if it had begun after the first look.
    let nothing = json!({ "actions": [], "links": {}, "meta": { "total": 0 } });
    stand_in.fault("GET", "/actions?", Fault::Answer(nothing));
    destroy(&*cloud, &made.at).await;
    assert_eq!(stand_in.snapshots(), [""; 0]);
}

#[tokio::test]
async fn what_would_cost_money_without_its_droplet_goes_with_it() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("gone")).await;
    cloud.create_snapshot(&made.at, "one").await.expect("taken");
    cloud
        .rebuild(&made.at, &image(), "", false, "1-1")
        .await
        .expect("rebuilt");
    let body = json!({ "type": "snapshot", "name": "a person's" });
    let path = format!("droplets/{}/actions", made.at.id);
    super::rig::raw(&stand_in.url(), &path, &body).await;
    destroy(&*cloud, &made.at).await;
    assert_eq!(stand_in.snapshots(), ["a person's"]);
    let left = stand_in.tags();
    assert_eq!(
        left,
        ["arcus-group-group-gone", "arcus-in-arcus-test"],
        "no tag of one droplet"
    );
}

#[tokio::test]
async fn what_arcus_took_of_a_droplet_that_its_owner_destroyed_is_deleted_afterwards() {
    let (stand_in, cloud) = alone();
    let (gone, other) = (request("vanished"), request("other"));
    let (gone, other) = (running(&cloud, &gone).await, running(&cloud, &other).await);
    for (at, name) in [(&gone.at, "one"), (&gone.at, "two"), (&other.at, "three")] {
        cloud.create_snapshot(at, name).await.expect("taken");
    }
    let theirs = [
        "a person's".to_owned(),
        format!("arcus-{}-four", other.at.id),
    ];
    for name in &theirs {
        let body = json!({ "type": "snapshot", "name": name });
        let path = format!("droplets/{}/actions", gone.at.id);
        super::rig::raw(&stand_in.url(), &path, &body).await;
        let taken = || async { stand_in.snapshots().contains(name).then_some(()) };
        testkit::wait::until("it to be taken", PATIENCE, taken).await;
    }
    super::rig::vanish(&stand_in.url(), &gone.at).await;
    let wait = cloud.wait(&gone.at, Until::Gone, PATIENCE).await;
    wait.expect("gone");
    assert_eq!(stand_in.snapshots().len(), 5, "they outlive it");
    // Until then there is a server in it, and one can be deleted by itself.
    let mut copy = request("copy");
    copy.snapshot = Some(SnapshotRef {
        of: gone.at.clone(),
        name: "one".to_owned(),
    });
    running(&cloud, &copy).await;
    let deleted = cloud.destroy_snapshot(&gone.at, "two").await;
    deleted.expect("deleted");
    assert_eq!(stand_in.snapshots().len(), 4);

    for _ in 0..2 {
        cloud.clear_gone(&gone.at).await.expect("cleared");
        let left = [&[format!("arcus-{}-three", other.at.id)], &theirs[..]].concat();
        assert_eq!(stand_in.snapshots(), left);
    }
}

#[tokio::test]
async fn a_droplet_that_goes_at_once_leaves_no_tag_that_it_alone_bore() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("quick")).await;
    stand_in.set_pace(Duration::ZERO);
    cloud.retire(&made.at, "gone").await.expect("renamed");
    cloud.destroy(&made.at).await.expect("accepted");
    assert_eq!(stand_in.droplets(), 0, "gone before anybody waits for it");
    cloud
        .wait(&made.at, Until::Gone, PATIENCE)
        .await
        .expect("gone");
    let left = stand_in.tags();
    assert_eq!(left, ["arcus-group-group-quick", "arcus-in-arcus-test"]);
}
