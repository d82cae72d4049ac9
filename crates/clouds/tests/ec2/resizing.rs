//! A new size, of which Amazon refuses a part: what was changed by then, and what a second try does.

use std::time::Duration;

use clouds::{ErrorClass, Instance};
use testkit::ec2::Fault;

use super::rig::{Rig, plan};

impl Rig {
    async fn with_twenty_gib(&self) -> Instance {
        let mut request = self.request("grows");
        request.plan = plan("t3.small", 20);
        self.running(&request).await
    }

    async fn is_larger(&self, made: &Instance) -> bool {
        let seen = self.cloud.get(&made.at).await.expect("is there");
        seen.plan.as_deref() == Some("t3.large")
    }
}

/// It is refused for hours, in which nobody waits, and a server of another type would be off.
#[tokio::test]
async fn a_disk_that_was_changed_today_leaves_the_server_as_it_was() {
    let rig = Rig::stand_in();
    let made = rig.with_twenty_gib().await;
    let grown = rig.cloud.resize(&made.at, &plan("t3.small", 30)).await;
    grown.expect("grows");
    let refused = rig.cloud.resize(&made.at, &plan("t3.large", 40)).await;
    let refused = refused.expect_err("is refused for hours");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert!(refused.message.contains("nothing was changed"), "{refused}");
    assert!(!rig.is_larger(&made).await);
    assert_eq!(rig.amazon().count("StopInstances"), 0);
    rig.destroy(&made).await;
}

#[tokio::test]
async fn a_disk_that_has_grown_already_does_not_grow_again() {
    let rig = Rig::stand_in();
    let made = rig.with_twenty_gib().await;
    rig.amazon().fault(
        "ModifyInstanceAttribute",
        Fault::Refuse(500, "InsufficientInstanceCapacity"),
    );
    let refused = rig.cloud.resize(&made.at, &plan("t3.large", 40)).await;
    let refused = refused.expect_err("is refused for now");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    let resized = rig.cloud.resize(&made.at, &plan("t3.large", 40)).await;
    resized.expect("is resized");
    assert!(rig.is_larger(&made).await);
    assert_eq!(rig.amazon().count("ModifyVolume"), 1);
    rig.destroy(&made).await;
}

/// It shows its old size for a while.
#[tokio::test]
async fn a_disk_that_is_just_growing_is_taken_for_grown() {
    let rig = Rig::stand_in();
    let made = rig.with_twenty_gib().await;
    rig.amazon().set_volume_pace(Duration::from_hours(1));
    rig.amazon().fault("ModifyVolume", Fault::HangUpAfter);
    let lost = rig.cloud.resize(&made.at, &plan("t3.large", 40)).await;
    assert_eq!(lost.expect_err("lost").class, ErrorClass::OutcomeUnknown);
    let other = rig.cloud.resize(&made.at, &plan("t3.large", 50)).await;
    let other = other.expect_err("is refused for now");
    assert_eq!(other.class, ErrorClass::Unavailable);
    assert!(!rig.is_larger(&made).await);
    let resized = rig.cloud.resize(&made.at, &plan("t3.large", 40)).await;
    resized.expect("is resized");
    assert!(rig.is_larger(&made).await);
    rig.destroy(&made).await;
}
