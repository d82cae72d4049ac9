//! Snapshots at Amazon, which outlive their instance unless somebody deletes them.

use std::time::Duration;

use clouds::{ErrorClass, Instance};
use testkit::ec2::{Access, Fault};
use testkit::wait;

use super::rig::{PATIENCE, REGION, Rig};

at_both!(what_outlives_an_instance_is_cleared);

async fn what_outlives_an_instance_is_cleared(rig: Rig) {
    let made = rig.running(&rig.request("kept")).await;
    for name in ["one", "two words"] {
        let taken = rig.cloud.create_snapshot(&made.at, name).await;
        taken.expect("is taken");
    }
    let filter = [
        ("Owner.1", "self"),
        ("Filter.1.Name", "tag:arcus:snapshot-of"),
        ("Filter.1.Value.1", made.at.id.as_str()),
    ];
    let images = rig.raw("DescribeImages", &filter).await;
    assert_eq!(images.matches("<imageId>").count(), 2, "{images}");
    let behind = images.split("<snapshotId>").nth(1).expect("has a disk");
    let behind = behind.split('<').next().expect("has an id").to_owned();

    rig.destroy(&made).await;
    let cleared = rig.cloud.clear_gone(&made.at).await;
    cleared.expect("is cleared");
    let images = rig.raw("DescribeImages", &filter).await;
    assert!(!images.contains("<imageId>"), "{images}");
    let filter = [
        ("Filter.1.Name", "snapshot-id"),
        ("Filter.1.Value.1", behind.as_str()),
    ];
    let left = rig.raw("DescribeSnapshots", &filter).await;
    assert!(!left.contains(&behind), "{left}");
}

impl Rig {
    /// Ended by somebody else, so long ago that Amazon doesn't know it any more.
    async fn vanish(&self, made: &Instance) {
        self.amazon().set_memory(Duration::ZERO);
        let id = [("InstanceId.1", made.at.id.as_str())];
        self.amazon().ask(REGION, "TerminateInstances", &id);
        wait::until("the instance to vanish", PATIENCE, || async {
            let seen = self.cloud.get(&made.at).await;
            seen.is_err_and(|error| error.class == ErrorClass::NotFound)
                .then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_outlives_an_instance_that_vanished_is_cleared_and_nothing_else() {
    let rig = Rig::stand_in();
    let gone = rig.running(&rig.request("gone")).await;
    let stays = rig.running(&rig.request("stays")).await;
    for (of, name) in [(&gone, "one"), (&gone, "two"), (&stays, "one")] {
        let taken = rig.cloud.create_snapshot(&of.at, name).await;
        taken.expect("is taken");
    }
    let by_hand = [("InstanceId", gone.at.id.as_str()), ("Name", "by hand")];
    rig.amazon().ask(REGION, "CreateImage", &by_hand);
    rig.vanish(&gone).await;
    for _ in 0..2 {
        let cleared = rig.cloud.clear_gone(&gone.at).await;
        cleared.expect("is cleared");
        let left = rig.amazon().images();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left.iter().any(|name| name == "by hand"), "{left:?}");
        assert_eq!(rig.amazon().snapshots().len(), 2);
    }
    let kept = rig.cloud.snapshots(&stays.at).await.expect("looks");
    assert_eq!(kept.len(), 1);
    rig.destroy(&stays).await;
}

/// Neither the first time nor when it is asked for again, after its answer was lost.
#[tokio::test]
async fn a_snapshot_that_is_not_shown_yet_is_not_taken_for_one_that_is_there() {
    for fault in [None, Some(Fault::HangUpAfter)] {
        let rig = Rig::stand_in();
        let made = rig.running(&rig.request("kept")).await;
        rig.amazon().set_image_looks(2);
        if let Some(fault) = fault {
            rig.amazon().fault("CreateImage", fault);
            let lost = rig.cloud.create_snapshot(&made.at, "new").await;
            assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
        }
        let taken = rig.cloud.create_snapshot(&made.at, "new").await;
        taken.expect("is taken");
        let listed = rig.cloud.snapshots(&made.at).await.expect("looks");
        assert_eq!(listed.len(), 1);
        assert_eq!(rig.amazon().images().len(), 1);
        rig.destroy(&made).await;
    }
}

/// As after a crash between the two calls: the image is gone, and what it kept is paid for.
#[tokio::test]
async fn what_is_left_of_an_image_that_is_gone_goes_with_its_instance() {
    for by_name in [false, true] {
        let rig = Rig::stand_in();
        let made = rig.running(&rig.request("kept")).await;
        let taken = rig.cloud.create_snapshot(&made.at, "half").await;
        taken.expect("is taken");
        let images = rig
            .amazon()
            .ask(REGION, "DescribeImages", &[("Owner.1", "self")]);
        let image = images.split("<imageId>").nth(1).expect("an image");
        let image = image.split('<').next().expect("an id");
        rig.amazon()
            .ask(REGION, "DeregisterImage", &[("ImageId", image)]);
        assert_eq!(rig.amazon().snapshots().len(), 1);
        let planned = rig.cloud.preview_clear_gone(&made.at);
        let planned = planned.await.expect("is planned");
        let planned: Vec<_> = planned.iter().map(|call| call.call.as_str()).collect();
        assert_eq!(planned, ["DeleteSnapshot"]);
        if by_name {
            let deleted = rig.cloud.destroy_snapshot(&made.at, "half").await;
            deleted.expect("is deleted");
        } else {
            rig.destroy(&made).await;
            let cleared = rig.cloud.clear_gone(&made.at).await;
            cleared.expect("is cleared");
        }
        assert_eq!(rig.amazon().snapshots(), Vec::<String>::new());
    }
}

/// Its image is not shown, and is just being made: without it what it keeps of disks would go, and with that the image.
#[tokio::test]
async fn what_an_image_that_is_not_shown_yet_keeps_is_not_taken_for_left() {
    let rig = Rig::stand_in();
    let made = rig.running(&rig.request("kept")).await;
    rig.amazon().set_image_looks(1);
    rig.amazon().set_image_pace(Duration::from_hours(1));
    rig.amazon().fault("CreateImage", Fault::HangUpAfter);
    let lost = rig.cloud.create_snapshot(&made.at, "new").await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    rig.destroy(&made).await;
    let refused = rig.cloud.clear_gone(&made.at).await;
    let refused = refused.expect_err("is refused for now");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    assert_eq!(rig.amazon().snapshots().len(), 1);
    rig.amazon().finish_images();
    let cleared = rig.cloud.clear_gone(&made.at).await;
    cleared.expect("is cleared");
    assert_eq!(rig.amazon().snapshots(), Vec::<String>::new());
}

/// It is the account owner's, and its tags tell otherwise.
#[tokio::test]
async fn a_copy_that_somebody_made_of_a_snapshot_with_its_tags_stays() {
    let rig = Rig::stand_in();
    let made = rig.running(&rig.request("kept")).await;
    let taken = rig.cloud.create_snapshot(&made.at, "one").await;
    taken.expect("is taken");
    let copy = [
        ("InstanceId", made.at.id.as_str()),
        ("Name", "a copy"),
        ("TagSpecification.1.ResourceType", "image"),
        ("TagSpecification.1.Tag.1.Key", "arcus:snapshot-of"),
        ("TagSpecification.1.Tag.1.Value", made.at.id.as_str()),
        ("TagSpecification.1.Tag.2.Key", "arcus:snapshot"),
        ("TagSpecification.1.Tag.2.Value", "one"),
    ];
    rig.amazon().ask(REGION, "CreateImage", &copy);
    rig.destroy(&made).await;
    let cleared = rig.cloud.clear_gone(&made.at).await;
    cleared.expect("is cleared");
    assert_eq!(rig.amazon().images(), ["a copy"]);
    assert_eq!(rig.amazon().snapshots().len(), 1);
}

/// Somebody forbade that one is deregistered.
#[tokio::test]
async fn what_can_not_go_keeps_nothing_else_and_is_named() {
    let rig = Rig::stand_in();
    let made = rig.running(&rig.request("kept")).await;
    for name in ["one", "two"] {
        let taken = rig.cloud.create_snapshot(&made.at, name).await;
        taken.expect("is taken");
    }
    rig.destroy(&made).await;
    let protected = Fault::Refuse(400, "OperationNotPermitted");
    rig.amazon().fault("DeregisterImage", protected);
    let stays = rig.cloud.clear_gone(&made.at).await;
    let stays = stays.expect_err("one stays");
    assert_eq!(stays.class, ErrorClass::Rejected);
    assert_eq!(rig.amazon().images().len(), 1);
    assert_eq!(rig.amazon().snapshots().len(), 1);
    let images = rig
        .amazon()
        .ask(REGION, "DescribeImages", &[("Owner.1", "self")]);
    let left = images.split("<imageId>").nth(1).expect("an image");
    let left = left.split('<').next().expect("an id");
    assert!(stays.message.contains(left), "{stays}");
    let cleared = rig.cloud.clear_gone(&made.at).await;
    cleared.expect("is cleared");
    assert_eq!(rig.amazon().snapshots(), Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_without_a_look_at_what_is_left_still_lets_snapshots_go() {
    let rig = Rig::stand_in();
    let made = rig.running(&rig.request("kept")).await;
    let taken = rig.cloud.create_snapshot(&made.at, "one").await;
    taken.expect("is taken");
    rig.amazon()
        .set_access(Access::Without("DescribeSnapshots"));
    rig.destroy(&made).await;
    let cleared = rig.cloud.clear_gone(&made.at).await;
    cleared.expect("is cleared");
    assert_eq!(rig.amazon().snapshots(), Vec::<String>::new());
}

/// Amazon says it itself when it comes to that: an ordinary end costs no look for it. A plan has to look, where it may.
#[tokio::test]
async fn a_protected_instance_is_refused_in_clear_words_by_its_end_and_the_plan_of_it() {
    let rig = Rig::stand_in();
    let made = rig.running(&rig.request("kept")).await;
    rig.amazon().set_protected(&made.at.id, true);
    let refused = rig.cloud.destroy(&made.at).await.expect_err("is refused");
    assert_eq!(rig.amazon().count("DescribeInstanceAttribute"), 0);
    let it = std::slice::from_ref(&made.at);
    let planned = rig.cloud.preview_destroy(it, None).await;
    for refused in [refused, planned.expect_err("is refused")] {
        assert_eq!(refused.class, ErrorClass::Rejected);
        assert!(refused.message.contains("switched off"), "{refused}");
    }
    rig.amazon()
        .set_access(Access::Without("DescribeInstanceAttribute"));
    let planned = rig.cloud.preview_destroy(it, None).await;
    assert_eq!(planned.expect("is planned").len(), 2);
    rig.amazon().set_protected(&made.at.id, false);
    rig.destroy(&made).await;
}
