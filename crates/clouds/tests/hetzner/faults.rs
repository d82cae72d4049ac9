//! What goes wrong at Hetzner, and what the driver makes of it. The stand-in alone: Prism would answer for it.

use std::time::Duration;

use clouds::{ErrorClass, Until};
use serde_json::json;
use testkit::hetzner::{Fault, TOKEN};

use super::rig::{PATIENCE, alone, open_with, reaches, request, running, sent};

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_and_not_shown() {
    let (stand_in, _) = alone();
    let cloud = open_with(&stand_in.url(), "canary-of-a-token");
    let refused = cloud.check().await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Auth);
    assert!(
        refused.message.contains("unable to authenticate"),
        "{refused}"
    );
    assert!(!format!("{refused:?}").contains("canary"));
}

#[tokio::test]
async fn a_token_that_is_sent_back_is_left_out_of_the_words() {
    let (stand_in, cloud) = alone();
    let repeated = json!({ "servers": [{ "id": TOKEN }], "meta": { "pagination": {} } });
    stand_in.fault("GET", "/v1/servers", Fault::Answer(repeated));
    let refused = cloud.check().await.expect_err("can't be read");
    assert!(!refused.message.contains(TOKEN), "{refused}");
    assert!(refused.message.contains("[a secret]"), "{refused}");
}

#[tokio::test]
async fn too_many_calls_are_told_with_how_long_to_wait_and_nothing_is_sent_until_then() {
    let (stand_in, cloud) = alone();
    let headers = vec![("retry-after", "1".to_owned())];
    stand_in.fault("GET", "/v1/servers", Fault::Throttle(headers));
    let refused = cloud.check().await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Throttled(Duration::from_secs(1)));

    let sent = stand_in.calls().len();
    let refused = cloud.check().await.expect_err("refused");
    assert!(
        matches!(refused.class, ErrorClass::Throttled(_)),
        "{refused:?}"
    );
    assert_eq!(stand_in.calls().len(), sent, "nothing was sent");
    let again = || async { cloud.check().await.ok() };
    testkit::wait::until("it to be answered again", PATIENCE, again).await;
}

#[tokio::test]
async fn a_server_whose_answer_was_lost_is_found_by_its_token() {
    for fault in [
        Fault::HangUpAfter,
        Fault::FailAfter(500),
        Fault::FailAfter(504),
    ] {
        let (stand_in, cloud) = alone();
        let request = request("lost");
        stand_in.fault("POST", "/v1/servers", fault);
        let lost = cloud.create(&request).await.expect_err("lost");
        assert_eq!(lost.class, ErrorClass::OutcomeUnknown, "{lost}");
        let found = cloud.find(&request.region, &request.tag).await;
        let found = found.expect("is found");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].tag.as_ref(), Some(&request.tag));
        assert_eq!(found[0].name, request.name);
        // Who doesn't look first makes no second one either: its name is taken.
        let again = cloud.create(&request).await.expect("is the same");
        assert_eq!(again.at, found[0].at);
        assert_eq!(stand_in.servers().len(), 1);
    }
}

#[tokio::test]
async fn a_name_that_is_anothers_is_refused_and_nothing_of_theirs_is_taken() {
    let (stand_in, cloud) = alone();
    let first = request("taken");
    let made = running(&cloud, &first).await;
    let mut second = request("taken");
    second.tag.installation = "another".to_owned();
    second.tag.token.clone_from(&first.tag.token);
    let refused = cloud.create(&second).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert!(refused.message.contains("uniqueness_error"), "{refused}");
    let seen = cloud.get(&made.at).await.expect("is there");
    assert_eq!(seen.tag, Some(first.tag));
    assert_eq!(stand_in.servers().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_on_its_way_out_is_not_taken_for_the_one_that_is_wanted() {
    let (stand_in, cloud) = alone();
    let request = request("again");
    let made = running(&cloud, &request).await;
    stand_in.set_pace(Duration::from_millis(500));
    cloud.destroy(&made.at).await.expect("accepted");
    let early = cloud.create(&request).await.expect_err("its name is taken");
    assert_eq!(early.class, ErrorClass::Unavailable);
    reaches(&cloud, &made.at, Until::Gone).await;
    let again = cloud.create(&request).await.expect("is made");
    assert_ne!(again.at, made.at);
}

#[tokio::test]
async fn a_cloud_that_is_down_had_no_effect_on_what_was_only_read() {
    let (stand_in, cloud) = alone();
    stand_in.fault("GET", "/v1/servers", Fault::Refuse(503, "service_error"));
    let down = cloud.check().await.expect_err("down");
    assert_eq!(down.class, ErrorClass::Unavailable);
    stand_in.fault("GET", "/v1/servers", Fault::HangUpAfter);
    let down = cloud.check().await.expect_err("down");
    assert_eq!(down.class, ErrorClass::Unavailable);
}

#[tokio::test]
async fn the_projects_limit_is_a_quota_and_a_location_without_room_is_tried_again() {
    let (stand_in, cloud) = alone();
    stand_in.fault(
        "POST",
        "/v1/servers",
        Fault::Refuse(412, "resource_unavailable"),
    );
    let refused = cloud.create(&request("room")).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Unavailable);
    stand_in.set_server_limit(0);
    let refused = cloud.create(&request("quota")).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Quota);
    assert!(refused.message.contains("server limit"), "{refused}");
}

#[tokio::test]
async fn a_server_whose_making_fails_is_not_left_behind() {
    let (stand_in, cloud) = alone();
    stand_in.fault("POST", "/v1/servers", Fault::FailAction);
    let request = request("failed");
    let failed = cloud.create(&request).await.expect_err("failed");
    assert_eq!(failed.class, ErrorClass::Rejected);
    assert!(failed.message.contains("action_failed"), "{failed}");
    testkit::wait::until("it to go", Duration::from_secs(10), || async {
        stand_in.servers().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_group_that_was_cleared_meanwhile_is_made_anew_at_the_next_try() {
    let (stand_in, cloud) = alone();
    let first = request("cleared");
    let made = running(&cloud, &first).await;
    super::rig::destroy(&cloud, &made.at).await;
    // By another Arcus, which this one doesn't know of.
    let other = super::rig::open(&stand_in.url());
    other
        .clear_group(&first.region, &first.group)
        .await
        .expect("cleared");
    let mut second = request("cleared");
    second.group.clone_from(&first.group);
    let gone = cloud
        .create(&second)
        .await
        .expect_err("its firewall is gone");
    assert_eq!(gone.class, ErrorClass::Unavailable);
    cloud.create(&second).await.expect("is made");
}

#[tokio::test]
async fn looks_that_fail_while_an_action_is_under_way_do_not_make_it_fail() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("looks")).await;
    stand_in.fault("GET", "/v1/actions/", Fault::Refuse(502, "bad_gateway"));
    stand_in.fault("GET", "/v1/actions/", Fault::Refuse(500, "server_error"));
    let taken = cloud.create_snapshot(&made.at, "kept").await;
    taken.expect("taken");
    assert_eq!(stand_in.snapshots().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_locked_is_waited_for() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("busy")).await;
    stand_in.set_pace(Duration::from_millis(600));
    cloud.reboot(&made.at).await.expect("accepted");
    cloud.stop(&made.at, true).await.expect("as soon as it can");
    reaches(&cloud, &made.at, Until::Stopped).await;
    assert!(sent(&stand_in, "POST", "/poweroff").len() > 1);
}

#[tokio::test]
async fn what_its_owner_protects_is_not_deleted_and_the_reason_is_told() {
    let (stand_in, cloud) = alone();
    let made = running(&cloud, &request("protected")).await;
    let id = made.at.id.parse().expect("a number");
    stand_in.set_protected(id, true);
    let refused = cloud.destroy(&made.at).await.expect_err("refused");
    let it = std::slice::from_ref(&made.at);
    let planned = cloud.preview_destroy(it, None).await;
    for refused in [refused, planned.expect_err("refused")] {
        assert_eq!(refused.class, ErrorClass::Rejected);
        assert!(refused.message.contains("protected"), "{refused}");
    }
    assert_eq!(stand_in.servers().len(), 1);
}
