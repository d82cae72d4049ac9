//! What Amazon does not show at once, and does not let go of at once.

use std::time::Duration;

use clouds::{ErrorClass, Until};
use testkit::ec2::Fault;

use super::rig::{PATIENCE, REGION, Rig};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1e1q7Lw5y2vEHnS1GFfLkZq0k1mXo5l0Yxv0yq1h9P a";

#[tokio::test]
async fn an_instance_that_is_not_shown_yet_is_waited_for() {
    let rig = Rig::stand_in();
    // Its group first, which settles as well.
    let first = rig.running(&rig.request("first")).await;
    rig.amazon().set_settling(Duration::from_secs(1));
    let request = rig.request("new");
    let made = rig.cloud.create(&request).await.expect("creates");
    let seen = rig.cloud.get(&made.at).await;
    assert_eq!(seen.expect_err("unseen").class, ErrorClass::NotFound);
    let found = rig.cloud.find(REGION, &request.tag).await;
    assert_eq!(found.expect("looks"), []);
    let running = rig.cloud.wait(&made.at, Until::Running, PATIENCE);
    assert_eq!(running.await.expect("runs").at, made.at);
    let found = rig.cloud.find(REGION, &request.tag).await;
    assert_eq!(found.expect("looks")[0].at, made.at);
    assert!(Duration::from_secs(1) <= rig.cloud.settling().await);
    rig.destroy(&first).await;
}

/// Neither a rule nor an instance is taken for a group that Amazon doesn't show yet, whoever made it.
#[tokio::test]
async fn a_firewall_that_is_not_shown_yet_is_waited_for() {
    let rig = Rig::stand_in();
    rig.amazon().set_settling(Duration::from_millis(700));
    let (one, two) = (rig.request("one"), rig.request("two"));
    let other = rig.another();
    let made = tokio::join!(rig.cloud.create(&one), other.create(&two));
    made.0.expect("creates");
    made.1.expect("creates");
    assert_eq!(rig.amazon().groups().len(), 1);
}

#[tokio::test]
async fn a_new_name_that_is_not_shown_yet_is_shown_in_the_end() {
    let rig = Rig::stand_in();
    let running = rig.running(&rig.request("before")).await;
    rig.amazon().set_settling(Duration::from_millis(300));
    let at = rig.cloud.retire(&running.at, "after").await;
    let at = at.expect("is renamed");
    let name = async || rig.cloud.get(&at).await.expect("is there").name;
    assert_eq!(name().await, "before");
    testkit::wait::until("the new name", PATIENCE, || async {
        (name().await == "after").then_some(())
    })
    .await;
}

/// The network interface of what is gone is in use for a moment longer.
#[tokio::test]
async fn a_group_goes_with_its_key_as_soon_as_amazon_lets_go_of_it() {
    let rig = Rig::stand_in();
    let mut request = rig.request("last");
    request.public_keys = vec![KEY.to_owned()];
    let made = rig.running(&request).await;
    let clear = || rig.cloud.clear_group(REGION, &rig.installation);
    clear().await.expect("leaves it to who is in it");
    assert_eq!(rig.amazon().groups().len(), 1);
    assert_eq!(rig.amazon().keys().len(), 1);
    rig.destroy(&made).await;
    rig.amazon().fault(
        "DeleteSecurityGroup",
        Fault::Refuse(400, "DependencyViolation"),
    );
    let refused = clear().await.expect_err("is in use");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    rig.clear().await;
    assert_eq!(rig.amazon().groups(), Vec::<String>::new());
    assert_eq!(rig.amazon().keys(), Vec::<String>::new());
}

#[tokio::test]
async fn a_destroyed_instance_holds_its_group_for_a_while() {
    let rig = Rig::stand_in();
    let made = rig.running(&rig.request("last")).await;
    rig.amazon().set_pace(Duration::from_millis(700));
    rig.destroy(&made).await;
    rig.clear().await;
    let calls = rig.amazon().calls();
    let mut refused = calls.iter().filter_map(|call| call.refused.as_deref());
    assert!(refused.any(|code| code == "DependencyViolation"));
    assert_eq!(rig.amazon().groups(), Vec::<String>::new());
}

/// A group and a key that went while the driver still knew them are made again.
#[tokio::test]
async fn what_was_cleared_meanwhile_is_made_anew() {
    let rig = Rig::stand_in();
    let mut request = rig.request("first");
    request.public_keys = vec![KEY.to_owned()];
    let first = rig.running(&request).await;
    rig.destroy(&first).await;
    // Another process clears, so that this driver doesn't know.
    let other = rig.another();
    testkit::wait::until("the group to go", PATIENCE, || async {
        other.clear_group(REGION, &rig.installation).await.ok()
    })
    .await;
    let mut second = rig.request("second");
    second.public_keys = vec![KEY.to_owned()];
    testkit::wait::until("the second to be made", PATIENCE, || async {
        match rig.cloud.create(&second).await {
            Ok(made) => Some(made),
            Err(error) => {
                assert_eq!(error.class, ErrorClass::Unavailable, "{error}");
                None
            }
        }
    })
    .await;
    assert_eq!(rig.amazon().groups().len(), 1);
    assert_eq!(rig.amazon().keys().len(), 1);
}
