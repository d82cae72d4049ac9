//! What moto doesn't have: lost answers, refusals for now, instances that end at once; and what a second try then does.

use std::time::Duration;

use clouds::{CreateInstance, ErrorClass, Until};
use testkit::ec2::Fault;

use super::rig::{PATIENCE, REGION, Rig, plan};

impl Rig {
    /// After a failed create, as the runner goes on: found by its token, or made by a second call. Either way there is one,
    /// and it comes to run.
    async fn one_instance_in_the_end(&self, request: &CreateInstance, made_already: bool) {
        let found = self.cloud.find(REGION, &request.tag).await.expect("looks");
        assert_eq!(found.len(), usize::from(made_already), "{found:?}");
        let again = self.cloud.create(request).await.expect("creates");
        for found in found {
            assert_eq!(found.at, again.at);
        }
        let running = self.cloud.wait(&again.at, Until::Running, PATIENCE);
        assert_eq!(
            running.await.expect("runs").tag.as_ref(),
            Some(&request.tag)
        );
        assert_eq!(self.amazon().instances().len(), 1);
    }
}

#[tokio::test]
async fn a_create_that_is_sent_twice_makes_one_instance() {
    let rig = Rig::stand_in();
    let request = rig.request("twice");
    let first = rig.cloud.create(&request).await.expect("creates");
    let second = rig.another().create(&request).await.expect("is the same");
    assert_eq!(first.at, second.at);
    assert_eq!(rig.amazon().instances().len(), 1);
}

/// Its instance is there, and was made otherwise: who asks again is told to look, and finds it.
#[tokio::test]
async fn a_create_under_a_token_that_made_something_else_is_to_be_looked_for() {
    let rig = Rig::stand_in();
    let request = rig.request("twice");
    let first = rig.cloud.create(&request).await.expect("creates");
    let mut other = request.clone();
    other.plan = plan("t3.large", 0);
    let refused = rig.cloud.create(&other).await.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::OutcomeUnknown);
    assert!(refused.message.contains("client token"), "{refused}");
    let found = rig.cloud.find(REGION, &request.tag).await.expect("looks");
    assert_eq!(found[0].at, first.at);
    assert_eq!(rig.amazon().instances().len(), 1);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_and_not_made_again() {
    for fault in [Fault::FailAfter, Fault::HangUpAfter, Fault::CutAfter] {
        let rig = Rig::stand_in();
        let request = rig.request("lost");
        rig.amazon().fault("RunInstances", fault.clone());
        let lost = rig.cloud.create(&request).await.expect_err("is lost");
        assert_eq!(lost.class, ErrorClass::OutcomeUnknown, "{fault:?}");
        assert!(lost.message.contains("Amazon EC2"), "{lost}");
        rig.one_instance_in_the_end(&request, true).await;
    }
}

#[tokio::test]
async fn a_create_that_never_arrived_is_made_by_the_second_try() {
    let rig = Rig::stand_in();
    let request = rig.request("lost");
    rig.amazon().fault("RunInstances", Fault::HangUpBefore);
    let lost = rig.cloud.create(&request).await.expect_err("is lost");
    assert_eq!(lost.class, ErrorClass::OutcomeUnknown);
    rig.one_instance_in_the_end(&request, false).await;
}

#[tokio::test]
async fn a_throttled_create_makes_nothing_and_says_when_to_come_back() {
    for (after, pause) in [(None, 5), (Some(2), 2)] {
        let rig = Rig::stand_in();
        let request = rig.request("throttled");
        rig.amazon().fault("RunInstances", Fault::Throttle(after));
        let refused = rig.cloud.create(&request).await.expect_err("is refused");
        let pause = Duration::from_secs(pause);
        assert_eq!(refused.class, ErrorClass::Throttled(pause));
        assert!(
            refused.message.contains("Request limit exceeded"),
            "{refused}"
        );
        rig.one_instance_in_the_end(&request, false).await;
    }
}

#[tokio::test]
async fn a_create_that_amazon_has_no_room_for_is_for_later() {
    let rig = Rig::stand_in();
    let request = rig.request("no room");
    let fault = Fault::Refuse(500, "InsufficientInstanceCapacity");
    rig.amazon().fault("RunInstances", fault);
    let refused = rig.cloud.create(&request).await.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    assert!(refused.message.contains("sufficient capacity"), "{refused}");
    rig.one_instance_in_the_end(&request, false).await;
}

#[tokio::test]
async fn a_create_beyond_the_accounts_limit_is_refused_in_amazons_words() {
    let rig = Rig::stand_in();
    let request = rig.request("one too many");
    rig.amazon().set_instance_limit(0);
    let refused = rig.cloud.create(&request).await.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::Quota);
    assert!(refused.message.contains("instance limit"), "{refused}");
    rig.amazon()
        .fault("RunInstances", Fault::Refuse(400, "VcpuLimitExceeded"));
    let refused = rig.cloud.create(&request).await.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::Quota);
    rig.amazon().set_instance_limit(1);
    rig.one_instance_in_the_end(&request, false).await;
}

/// Amazon documents no more of `Unavailable` than that the server could not handle it: that it had no effect is not said.
#[tokio::test]
async fn an_overloaded_amazon_leaves_a_create_open_and_a_look_for_later() {
    let rig = Rig::stand_in();
    let request = rig.request("overloaded");
    let overloaded = || Fault::Refuse(503, "Unavailable");
    rig.amazon().fault("RunInstances", overloaded());
    let refused = rig.cloud.create(&request).await.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::OutcomeUnknown);
    rig.amazon().fault("DescribeInstances", overloaded());
    let refused = rig.cloud.find(REGION, &request.tag).await;
    assert_eq!(refused.expect_err("fails").class, ErrorClass::Unavailable);
    rig.one_instance_in_the_end(&request, false).await;
}

#[tokio::test]
async fn an_instance_that_ends_at_once_is_told_of_with_its_reason() {
    let rig = Rig::stand_in();
    let request = rig.request("short");
    rig.amazon().fault("RunInstances", Fault::EndAtOnce);
    let made = rig.cloud.create(&request).await.expect("creates");
    let ended = rig.cloud.wait(&made.at, Until::Running, PATIENCE).await;
    let ended = ended.expect_err("never runs");
    assert_eq!(ended.class, ErrorClass::Rejected);
    assert!(ended.message.contains("Server.InternalError"), "{ended}");
    assert_eq!(rig.amazon().living(), []);
    let gone = rig.cloud.destroy(&made.at).await;
    gone.expect("is gone already");
}

/// What was accepted and what was not look alike to who has no answer: each is asked again, and done once.
#[tokio::test]
async fn power_and_destroy_are_sent_again_after_a_lost_answer() {
    let rig = Rig::stand_in();
    let running = rig.running(&rig.request("lost")).await;
    for fault in [Fault::HangUpAfter, Fault::HangUpBefore] {
        rig.amazon().fault("StopInstances", fault.clone());
        let lost = rig.cloud.stop(&running.at, false).await;
        assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
        rig.cloud.stop(&running.at, false).await.expect("stops");
        let stopped = rig.cloud.wait(&running.at, Until::Stopped, PATIENCE);
        stopped.await.expect("is off");
        rig.amazon().fault("StartInstances", fault);
        let lost = rig.cloud.start(&running.at).await;
        assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
        rig.cloud.start(&running.at).await.expect("starts");
        let again = rig.cloud.wait(&running.at, Until::Running, PATIENCE);
        again.await.expect("is on");
    }
    rig.amazon().fault("TerminateInstances", Fault::FailAfter);
    let lost = rig.cloud.destroy(&running.at).await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    rig.destroy(&running).await;
    assert_eq!(rig.amazon().living(), []);
}

/// Amazon refuses to start what is still stopping.
#[tokio::test]
async fn what_is_on_its_way_down_is_started_later() {
    let rig = Rig::stand_in();
    let running = rig.running(&rig.request("busy")).await;
    rig.amazon().set_pace(Duration::from_secs(2));
    rig.cloud.stop(&running.at, false).await.expect("stops");
    let refused = rig.cloud.start(&running.at).await.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    let stopped = rig.cloud.wait(&running.at, Until::Stopped, PATIENCE);
    stopped.await.expect("is off");
    rig.amazon().set_pace(Duration::ZERO);
    rig.cloud.start(&running.at).await.expect("starts");
    let again = rig.cloud.wait(&running.at, Until::Running, PATIENCE);
    assert_ne!(again.await.expect("is on").public_ip, running.public_ip);
}

/// A pause between two looks is five seconds; a snapshot is not given out before it is whole.
#[tokio::test]
async fn a_snapshot_that_takes_its_time_is_waited_for() {
    let rig = Rig::stand_in();
    let running = rig.running(&rig.request("kept")).await;
    rig.amazon().set_image_pace(Duration::from_secs(1));
    let taken = rig.cloud.create_snapshot(&running.at, "slow").await;
    taken.expect("is taken");
    let mut copy = rig.request("copy");
    copy.snapshot = Some(clouds::SnapshotRef {
        of: running.at.clone(),
        name: "slow".to_owned(),
    });
    rig.running(&copy).await;
}

/// Its disks are not known before it is whole, and would be paid for without it.
#[tokio::test]
async fn a_snapshot_that_is_just_being_taken_is_not_deleted_before_that() {
    let rig = Rig::stand_in();
    let running = rig.running(&rig.request("kept")).await;
    rig.amazon().set_image_pace(Duration::from_hours(1));
    let begun = testkit::wait::until("the snapshot to begin", PATIENCE, || async {
        (rig.amazon().images().len() == 1).then_some(())
    });
    // As a worker whose process dies over it.
    tokio::select! {
        taken = rig.cloud.create_snapshot(&running.at, "slow") => panic!("{taken:?}"),
        () = begun => {}
    }
    let refused = rig.cloud.destroy_snapshot(&running.at, "slow").await;
    let refused = refused.expect_err("is refused for now");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    rig.destroy(&running).await;
    let refused = rig.cloud.clear_gone(&running.at).await;
    let refused = refused.expect_err("is refused for now");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    assert_eq!(rig.amazon().count("DeregisterImage"), 0);
    rig.amazon().finish_images();
    let cleared = rig.cloud.clear_gone(&running.at).await;
    cleared.expect("is cleared");
    assert_eq!(rig.amazon().images(), Vec::<String>::new());
}

/// Amazon says the same of an image that is gone and of one that can't go yet.
#[tokio::test]
async fn an_image_that_amazon_does_not_let_go_is_not_forgotten() {
    let rig = Rig::stand_in();
    let running = rig.running(&rig.request("kept")).await;
    let taken = rig.cloud.create_snapshot(&running.at, "one").await;
    taken.expect("is taken");
    let not_yet = Fault::Refuse(400, "InvalidAMIID.Unavailable");
    rig.destroy(&running).await;
    rig.amazon().fault("DeregisterImage", not_yet);
    let refused = rig.cloud.clear_gone(&running.at).await;
    let refused = refused.expect_err("is refused for now");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    let cleared = rig.cloud.clear_gone(&running.at).await;
    cleared.expect("is cleared");
    assert_eq!(rig.amazon().images(), Vec::<String>::new());
}

/// An account may have no default VPC, and its servers were imported: their end needs none.
#[tokio::test]
async fn an_end_is_planned_and_made_without_a_look_at_a_vpc() {
    let rig = Rig::stand_in();
    let group = clouds::GroupRef {
        region: REGION.to_owned(),
        name: rig.installation.clone(),
    };
    for _ in 0..2 {
        let none = Fault::Refuse(400, "InvalidVpcID.NotFound");
        rig.amazon().fault("DescribeVpcs", none);
    }
    let planned = rig.cloud.preview_destroy(&[], Some(&group)).await;
    assert_eq!(planned.expect("is planned").len(), 0);
    let cleared = rig.cloud.clear_group(REGION, &group.name).await;
    cleared.expect("nothing is kept");
}

/// What was made a moment ago is not known everywhere yet, under either of Amazon's two codes.
#[tokio::test]
async fn a_create_waits_until_its_new_group_and_key_are_known() {
    for code in [
        "InvalidGroup.NotFound",
        "InvalidSecurityGroupID.NotFound",
        "InvalidKeyPair.NotFound",
    ] {
        let rig = Rig::stand_in();
        rig.amazon().fault("RunInstances", Fault::Refuse(400, code));
        let made = rig.cloud.create(&rig.request("web")).await;
        made.expect("creates");
        assert_eq!(rig.amazon().count("RunInstances"), 2, "{code}");
        assert_eq!(rig.amazon().living().len(), 1, "{code}");
    }
}
