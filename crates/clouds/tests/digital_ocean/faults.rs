//! What goes wrong at DigitalOcean, and what the driver makes of it. The stand-in alone: Prism would answer for it.

use std::time::Duration;

use clouds::ErrorClass;
use domain::time::Clock;
use testkit::digital_ocean::Fault;

use super::rig::{KEY, PATIENCE, alone, open_with, plan, request, running};

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_and_not_shown() {
    let (stand_in, _) = alone();
    let secret = "dop_v1_canary_of_a_token";
    let cloud = open_with(&stand_in.url(), secret);
    let refused = cloud.check().await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Auth);
    assert!(
        refused.message.contains("Unable to authenticate"),
        "{refused}"
    );
    assert!(!format!("{refused:?}").contains("canary"));
}

#[tokio::test]
async fn too_many_calls_are_told_with_how_long_to_wait_and_nothing_is_sent_until_then() {
    let (stand_in, cloud) = alone();
    let reset = Clock::System.now().0 / 1_000_000 + 2;
    let headers = vec![("ratelimit-reset", reset.to_string())];
    stand_in.fault("GET", "/v2/account", Fault::Throttle(headers));
    let refused = cloud.check().await.expect_err("refused");
    let ErrorClass::Throttled(pause) = refused.class else {
        panic!("{refused:?}");
    };
    assert!(
        pause > Duration::ZERO && pause <= Duration::from_secs(2),
        "{pause:?}"
    );

    let sent = stand_in.calls().len();
    let refused = cloud.check().await.expect_err("refused");
    assert!(matches!(refused.class, ErrorClass::Throttled(_)));
    assert_eq!(stand_in.calls().len(), sent, "nothing was sent");
    let again = || async { cloud.check().await.ok() };
    testkit::wait::until("it to be answered again", PATIENCE, again).await;
}

#[tokio::test]
async fn a_droplet_whose_answer_was_lost_is_found_by_its_token() {
    for fault in [
        Fault::HangUpAfter,
        Fault::FailAfter(500),
        Fault::FailAfter(504),
    ] {
        let (stand_in, cloud) = alone();
        let request = request("lost");
        stand_in.fault("POST", "/v2/droplets", fault);
        let lost = cloud.create(&request).await.expect_err("lost");
        assert_eq!(lost.class, ErrorClass::OutcomeUnknown, "{lost}");
        let found = cloud.find(&request.region, &request.tag).await;
        let found = found.expect("is found");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].tag.as_ref(), Some(&request.tag));
        assert_eq!(found[0].name, request.name);
        assert_eq!(stand_in.droplets(), 1);
    }
}

#[tokio::test]
async fn a_cloud_that_is_down_had_no_effect_on_what_was_only_read() {
    let (stand_in, cloud) = alone();
    stand_in.fault("GET", "/v2/account", Fault::Refuse(503, "Server Error"));
    let down = cloud.check().await.expect_err("down");
    assert_eq!(down.class, ErrorClass::Unavailable);
    stand_in.fault("GET", "/v2/account", Fault::HangUpAfter);
    let down = cloud.check().await.expect_err("down");
    assert_eq!(down.class, ErrorClass::Unavailable);
}

#[tokio::test]
async fn the_accounts_limit_of_droplets_is_a_quota() {
    let (stand_in, cloud) = alone();
    stand_in.set_droplet_limit(0);
    let refused = cloud.create(&request("quota")).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Quota);
    assert!(refused.message.contains("droplet limit"), "{refused}");
}

#[tokio::test]
async fn a_droplet_whose_making_fails_is_not_left_behind() {
    let (stand_in, cloud) = alone();
    stand_in.fault("POST", "/v2/droplets", Fault::FailAction);
    let failed = cloud.create(&request("failed")).await.expect_err("failed");
    assert_eq!(failed.class, ErrorClass::Rejected);
    let gone = || async { (stand_in.droplets() == 0).then_some(()) };
    testkit::wait::until("it to be taken back", PATIENCE, gone).await;
}

#[tokio::test]
async fn looks_that_fail_while_an_action_is_under_way_do_not_make_it_fail() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("looks")).await;
    stand_in.fault("GET", "/v2/actions/", Fault::Refuse(502, "Bad Gateway"));
    stand_in.fault("GET", "/v2/actions/", Fault::Refuse(500, "Server Error"));
    cloud
        .create_snapshot(&made.at, "kept")
        .await
        .expect("taken");
    assert_eq!(stand_in.snapshots().len(), 1);
}

#[tokio::test]
async fn a_droplet_that_is_busy_is_waited_for() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("busy")).await;
    stand_in.set_pace(Duration::from_millis(600));
    cloud.reboot(&made.at).await.expect("accepted");
    cloud
        .retire(&made.at, "last")
        .await
        .expect("as soon as it can");
    let seen = cloud.get(&made.at).await.expect("is there");
    assert_eq!(seen.name, "last");
}

#[tokio::test]
async fn user_data_beyond_the_limit_is_refused_before_anything_is_sent() {
    let (stand_in, cloud) = alone();
    let mut request = request("large");
    request.user_data = "#".repeat((64 << 10) + 1);
    let refused = cloud.create(&request).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert!(refused.message.contains("65536"), "{refused}");
    assert_eq!(stand_in.calls().len(), 0);
}

#[tokio::test]
async fn a_size_that_the_region_does_not_sell_is_refused_before_anything_is_made() {
    let (stand_in, cloud) = alone();
    let mut request = request("not-sold");
    request.public_keys = vec![KEY.to_owned()];
    request.plan = plan("g-2vcpu-8gb", 25);
    "fra1".clone_into(&mut request.region);
    let requests = std::slice::from_ref(&request);
    let foreseen = cloud.preview_create(requests).await.map(drop);
    let made = cloud.create(&request).await.map(drop);
    for refused in [foreseen, made] {
        let refused = refused.expect_err("refused");
        assert_eq!(refused.class, ErrorClass::Rejected);
        assert_eq!(refused.message, "g-2vcpu-8gb is not sold in fra1");
    }
    assert!(stand_in.calls().iter().all(|call| call.method == "GET"));

    "nyc3".clone_into(&mut request.region);
    running(&cloud, &request).await;
    let calls = stand_in.calls();
    let looks = calls
        .iter()
        .filter(|call| call.path.starts_with("/v2/sizes"));
    assert_eq!(looks.count(), 1, "what is sold is kept");
}
