//! Switching on and off, and being told of it.

use std::time::Duration;

use clouds::{ErrorClass, Until};
use domain::server::Power;
use serde_json::json;

use crate::rig::{PATIENCE, on_incus, told_of};

#[tokio::test]
async fn a_frozen_instance_counts_as_stopped_and_starts_again() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("frozen")).await;
        let path = format!("instances/{}/state", made.at.id);
        rig.raw
            .run("PUT", &path, &json!({ "action": "freeze" }))
            .await;
        assert_eq!(
            rig.cloud.get(&made.at).await.expect("is there").power,
            Power::Stopped
        );
        rig.cloud.start(&made.at).await.expect("starts");
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
    })
    .await;
}

#[tokio::test]
async fn a_stop_by_force_overtakes_one_that_the_guest_ignores() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("deaf")).await;
        let deaf = "cloud-init status --wait >/dev/null; systemctl mask --runtime halt.target poweroff.target";
        rig.inside(&made, deaf).await;
        rig.cloud.stop(&made.at, false).await.expect("is asked");
        let ignored = rig.cloud.wait(&made.at, Until::Stopped, Duration::from_secs(1)).await;
        assert_eq!(ignored.expect_err("goes on").class, ErrorClass::Unavailable);
        rig.cloud.stop(&made.at, true).await.expect("is cut");
        rig.cloud
            .wait(&made.at, Until::Stopped, PATIENCE)
            .await
            .expect("is off");
    })
    .await;
}

#[tokio::test]
async fn a_wait_that_takes_too_long_says_what_it_saw() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("late")).await;
        let timeout = Duration::from_millis(300);
        let error = rig
            .cloud
            .wait(&made.at, Until::Stopped, timeout)
            .await
            .expect_err("gives up");
        assert_eq!(error.class, ErrorClass::Unavailable);
        assert!(error.message.contains("it is running"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_guest_that_switches_itself_off_ends_the_wait() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("off")).await;
        let (stopped, _) = tokio::join!(
            rig.cloud.wait(&made.at, Until::Stopped, PATIENCE),
            rig.inside(&made, "systemctl poweroff --no-block"),
        );
        assert_eq!(stopped.expect("is off").power, Power::Stopped);
    })
    .await;
}

#[tokio::test]
async fn the_stream_tells_what_others_change() {
    on_incus(async |rig| {
        let request = rig.request("events");
        let made = rig.create(&request).await;
        told_of(rig, &rig.cloud, &made).await;
    })
    .await;
}
