//! Sizes, snapshots, and what must not be done twice.

use std::time::Duration;

use clouds::{Cloud, ErrorClass, InstanceRef, Until};
use domain::server::Power;
use serde_json::json;
use testkit::hetzner::{Fault, StandIn};

use super::rig::{
    PATIENCE, alone, destroy, image, plan, raw, reaches, request, running, sent, vanish,
};

fn begun(stand_in: &StandIn, kind: &str) -> usize {
    sent(stand_in, "POST", &format!("/actions/{kind}")).len()
}

async fn is_on(cloud: &dyn Cloud, at: &InstanceRef) -> bool {
    cloud.get(at).await.expect("is there").power == Power::Running
}

#[tokio::test]
async fn a_disk_grows_with_the_size_and_never_shrinks() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("disk")).await;
    let (large, small) = (plan("cx33", 80), plan("cx23", 40));
    cloud.resize(&made.at, &large).await.expect("grows");
    let changed = sent(&stand_in, "POST", "/change_type");
    assert_eq!(changed[0]["upgrade_disk"], true);
    cloud.resize(&made.at, &large).await.expect("is so already");
    let refused = cloud.resize(&made.at, &small).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert_eq!(
        begun(&stand_in, "change_type"),
        1,
        "nothing more was changed"
    );
}

#[tokio::test]
async fn a_resize_whose_answer_was_lost_is_waited_for() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("resized")).await;
    let at = &made.at;
    cloud.stop(at, true).await.expect("accepted");
    reaches(&cloud, at, Until::Stopped).await;
    stand_in.set_pace(Duration::from_millis(500));
    stand_in.fault("POST", "/change_type", Fault::HangUpAfter);
    let large = plan("cx33", 80);
    let lost = cloud.resize(at, &large).await.expect_err("lost");
    assert_eq!(lost.class, ErrorClass::OutcomeUnknown);
    cloud.resize(at, &large).await.expect("is so then");
    assert_eq!(begun(&stand_in, "change_type"), 1);
}

#[tokio::test]
async fn a_system_that_does_not_shut_down_is_switched_off_for_a_resize() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("deaf")).await;
    stand_in.fault("POST", "/shutdown", Fault::FailAction);
    let resized = cloud.resize(&made.at, &plan("ccx03", 40)).await;
    resized.expect("resized");
    assert_eq!(begun(&stand_in, "poweroff"), 1);
}

#[tokio::test]
async fn a_snapshot_whose_answer_was_lost_is_waited_for_and_not_taken_twice() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("taken")).await;
    stand_in.set_pace(Duration::from_millis(500));
    stand_in.fault("POST", "/create_image", Fault::HangUpAfter);
    let lost = cloud.create_snapshot(&made.at, "one").await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    let seen = cloud.snapshots(&made.at).await.expect("listed");
    assert_eq!(seen[0].name, "one");
    assert!(seen[0].size_bytes.is_some_and(|size| size > 2 << 30));
    let again = cloud.create_snapshot(&made.at, "one").await;
    again.expect("is there");
    assert_eq!(stand_in.snapshots().len(), 1);
}

#[tokio::test]
async fn a_disk_is_thrown_away_once_under_one_mark() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("marks")).await;
    let at = &made.at;
    let rebuild = async |mark: &str| cloud.rebuild(at, &image(), "#data", false, mark).await;
    for (mark, times) in [("1-7", 1), ("1-7", 1), ("2-8", 2), ("2-8", 2)] {
        rebuild(mark).await.expect("rebuilt");
        assert_eq!(begun(&stand_in, "rebuild"), times, "{mark}");
    }
    assert_eq!(sent(&stand_in, "POST", "/rebuild")[0]["user_data"], "#data");
    // The answer to the action is lost, and whoever asked dies of it.
    stand_in.fault("POST", "/rebuild", Fault::HangUpAfter);
    let lost = rebuild("3-9").await.expect_err("lost");
    assert_eq!(lost.class, ErrorClass::OutcomeUnknown);
    rebuild("3-9").await.expect("is waited for");
    assert_eq!(begun(&stand_in, "rebuild"), 3);
    // One that failed is done again.
    stand_in.fault("POST", "/rebuild", Fault::FailAction);
    let failed = rebuild("4-9").await.expect_err("failed");
    assert_eq!(failed.class, ErrorClass::Rejected);
    rebuild("4-9").await.expect("rebuilt");
    assert_eq!(begun(&stand_in, "rebuild"), 5);
    let seen = cloud.get(at).await.expect("is there");
    assert_eq!((seen.tag, seen.name), (made.tag, made.name), "labels stay");
}

#[tokio::test]
async fn what_was_off_is_off_again_also_when_the_answer_was_lost() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("off")).await;
    let at = &made.at;
    cloud.create_snapshot(at, "first").await.expect("taken");
    cloud.stop(at, true).await.expect("accepted");
    reaches(&cloud, at, Until::Stopped).await;
    let restore = async |mark: &str| cloud.restore_snapshot(at, "first", mark).await;
    restore("1-1").await.expect("restored");
    assert!(!is_on(&*cloud, at).await);
    stand_in.fault("POST", "/rebuild", Fault::HangUpAfter);
    let lost = restore("2-1").await.expect_err("lost");
    assert_eq!(lost.class, ErrorClass::OutcomeUnknown);
    restore("2-1").await.expect("restored");
    assert!(!is_on(&*cloud, at).await);
    assert_eq!(begun(&stand_in, "rebuild"), 2);
}

#[tokio::test]
async fn what_arcus_took_of_a_server_that_its_owner_destroyed_is_deleted_afterwards() {
    let (stand_in, cloud) = alone();
    let (gone, other) = (request("vanished"), request("other"));
    let (gone, other) = (running(&cloud, &gone).await, running(&cloud, &other).await);
    for (at, name) in [(&gone.at, "one"), (&gone.at, "two"), (&other.at, "three")] {
        cloud.create_snapshot(at, name).await.expect("taken");
    }
    let body = json!({ "type": "snapshot", "description": "a person's" });
    let path = format!("servers/{}/actions/create_image", gone.at.id);
    raw(&stand_in.url(), &path, &body).await;
    // Hetzner refuses while it is locked.
    let at_rest = || async { cloud.snapshots(&gone.at).await.ok() };
    testkit::wait::until("it to be taken", PATIENCE, at_rest).await;
    vanish(&stand_in.url(), &gone.at).await;
    reaches(&cloud, &gone.at, Until::Gone).await;
    assert_eq!(stand_in.snapshots().len(), 4, "they outlive it");
    let deleted = cloud.destroy_snapshot(&gone.at, "two").await;
    deleted.expect("deleted by itself");
    assert_eq!(stand_in.snapshots().len(), 3);

    for _ in 0..2 {
        cloud.clear_gone(&gone.at).await.expect("cleared");
        assert_eq!(stand_in.snapshots(), ["three", "a person's"]);
    }
}

#[tokio::test]
async fn what_would_cost_money_without_its_server_goes_with_it() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("gone")).await;
    cloud.create_snapshot(&made.at, "one").await.expect("taken");
    let body = json!({ "type": "snapshot", "description": "a person's" });
    let path = format!("servers/{}/actions/create_image", made.at.id);
    raw(&stand_in.url(), &path, &body).await;
    destroy(&cloud, &made.at).await;
    cloud.clear_gone(&made.at).await.expect("cleared");
    assert_eq!(stand_in.snapshots(), ["a person's"]);
}
