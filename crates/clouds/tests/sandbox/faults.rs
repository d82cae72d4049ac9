//! Each fault: what the caller is told, and what really happened.

use std::sync::Arc;
use std::time::Duration;

use clouds::sandbox::Faults;
use clouds::{ErrorClass, Until};
use domain::server::Power;
use secrecy::SecretString;
use tokio::time::Instant;

use crate::support::{INSTALLATION, REGION, Sandbox, class, image, plan, request, tag};

fn none() -> Faults {
    Faults::default()
}

#[tokio::test]
async fn latency_is_spent_half_before_the_effect_and_half_after_it() {
    let sandbox = Sandbox::with(Faults {
        latency_ms: 800,
        ..none()
    })
    .await;
    let began = Instant::now();
    let cloud = Arc::clone(&sandbox.cloud);
    let call = tokio::spawn(async move { cloud.create(&request("a")).await });
    while sandbox.records().await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(
        began.elapsed() >= Duration::from_millis(400),
        "the effect comes after one half"
    );
    assert!(!call.is_finished(), "the reply comes after the other");
    call.await.expect("ends").expect("is created");
    assert!(began.elapsed() >= Duration::from_millis(800));
}

#[tokio::test]
async fn a_throttled_call_has_no_effect_and_says_how_long_to_wait() {
    let sandbox = Sandbox::with(Faults {
        throttle: 1.0,
        retry_after_ms: 250,
        ..none()
    })
    .await;
    let refused = class(sandbox.create("a").await);
    assert_eq!(refused, ErrorClass::Throttled(Duration::from_millis(250)));
    assert_eq!(sandbox.records().await, []);
}

#[tokio::test]
async fn a_fault_of_some_probability_occurs_now_and_then() {
    let sandbox = Sandbox::with(Faults {
        throttle: 0.5,
        ..none()
    })
    .await;
    let mut refused = 0;
    for _ in 0..200 {
        refused += usize::from(sandbox.cloud.check().await.is_err());
    }
    assert!((20..180).contains(&refused), "{refused} of 200");
}

#[tokio::test]
async fn a_timeout_after_success_leaves_an_instance_that_its_token_finds() {
    let sandbox = Sandbox::with(Faults {
        timeout_after_success: 1.0,
        ..none()
    })
    .await;
    assert_eq!(class(sandbox.create("a").await), ErrorClass::OutcomeUnknown);
    sandbox.set(none()).await;
    assert_eq!(sandbox.find("a").await.len(), 1);
}

#[tokio::test]
async fn a_lost_reply_leaves_its_effect_and_is_noticed_at_once() {
    let faults = Faults {
        lost_reply: 1.0,
        latency_ms: 2_000,
        ..none()
    };
    let sandbox = Sandbox::with(faults).await;
    let began = Instant::now();
    assert_eq!(class(sandbox.create("a").await), ErrorClass::OutcomeUnknown);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "the way back is not waited for"
    );
    assert_eq!(sandbox.records().await[0].token.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_lost_request_has_no_effect_and_the_caller_cannot_know() {
    let sandbox = Sandbox::with(Faults {
        lost_request: 1.0,
        ..none()
    })
    .await;
    assert_eq!(class(sandbox.create("a").await), ErrorClass::OutcomeUnknown);
    assert_eq!(sandbox.records().await, []);
}

#[tokio::test]
async fn nothing_is_unknown_about_a_call_that_only_reads() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let lost = [
        Faults {
            lost_request: 1.0,
            ..none()
        },
        Faults {
            lost_reply: 1.0,
            ..none()
        },
        Faults {
            timeout_after_success: 1.0,
            ..none()
        },
    ];
    for faults in lost {
        sandbox.set(faults).await;
        assert_eq!(class(sandbox.cloud.get(&at).await), ErrorClass::Unavailable);
        let listed = sandbox.cloud.list(REGION, INSTALLATION).await;
        assert_eq!(class(listed), ErrorClass::Unavailable);
    }
}

#[tokio::test]
async fn an_unavailable_cloud_does_nothing_and_says_so() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    sandbox
        .set(Faults {
            unavailable: 1.0,
            ..none()
        })
        .await;
    assert_eq!(
        class(sandbox.cloud.destroy(&at).await),
        ErrorClass::Unavailable
    );
    assert_eq!(class(sandbox.create("b").await), ErrorClass::Unavailable);
    assert_eq!(sandbox.records().await.len(), 1);
}

#[tokio::test]
async fn a_rejected_create_makes_nothing_and_other_calls_work() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    sandbox
        .set(Faults {
            reject_create: 1.0,
            ..none()
        })
        .await;
    assert_eq!(class(sandbox.create("b").await), ErrorClass::Rejected);
    sandbox.cloud.reboot(&at).await.expect("reboots");
    assert_eq!(sandbox.records().await.len(), 1);
}

#[tokio::test]
async fn the_quota_counts_what_is_not_yet_gone() {
    let sandbox = Sandbox::with(Faults {
        quota: Some(1),
        ..none()
    })
    .await;
    let at = sandbox.running("a").await;
    assert_eq!(class(sandbox.create("b").await), ErrorClass::Quota);
    assert_eq!(sandbox.create("a").await.expect("is known").at, at);
    sandbox.cloud.destroy(&at).await.expect("is destroyed");
    sandbox.create("b").await.expect("there is room again");
}

#[tokio::test]
async fn with_revoked_credentials_every_call_is_refused() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    sandbox
        .set(Faults {
            auth_revoked: true,
            ..none()
        })
        .await;
    let (cloud, before) = (&sandbox.cloud, sandbox.records().await);
    let password = SecretString::from("$6$salt$hash");
    let classes = [
        class(cloud.check().await),
        class(cloud.offer().await),
        class(cloud.create(&request("b")).await),
        class(cloud.find(REGION, &tag("a")).await),
        class(cloud.get(&at).await),
        class(cloud.list(REGION, INSTALLATION).await),
        class(cloud.start(&at).await),
        class(cloud.stop(&at, true).await),
        class(cloud.reboot(&at).await),
        class(cloud.retire(&at, "last").await),
        class(cloud.destroy(&at).await),
        class(cloud.adopt(&at, &tag("b")).await),
        class(cloud.resize(&at, &plan("large", 20)).await),
        class(
            cloud
                .rebuild(&at, &image("debian-13"), "", false, "m")
                .await,
        ),
        class(cloud.set_password(&at, "root", &password).await),
        class(cloud.create_snapshot(&at, "s").await),
        class(cloud.snapshots(&at).await),
        class(cloud.restore_snapshot(&at, "s", "m2").await),
        class(cloud.destroy_snapshot(&at, "s").await),
        class(cloud.disk_usage(&at).await),
        class(cloud.capacity().await),
        class(cloud.traffic(&at).await),
        class(cloud.console_log(&at).await),
        class(cloud.guest_report(&at).await),
        class(
            cloud
                .wait(&at, Until::Running, Duration::from_secs(1))
                .await,
        ),
    ];
    assert!(
        classes.iter().all(|class| *class == ErrorClass::Auth),
        "{classes:?}"
    );
    assert_eq!(sandbox.records().await, before);
}

#[tokio::test]
async fn the_machines_are_large_until_a_fault_says_how_large() {
    let sandbox = Sandbox::open().await;
    let capacity = async || {
        let told = sandbox.cloud.capacity().await.expect("is told");
        told.expect("they end somewhere")
    };
    let large = capacity().await;
    assert!(large.cpus >= 100_000 && large.memory_mib >= 100 << 20 && large.disk_gib >= 1_000_000);
    let small = Faults {
        capacity_cpus: Some(4),
        capacity_disk_gib: Some(50),
        ..none()
    };
    sandbox.set(small).await;
    let told = capacity().await;
    assert_eq!((told.cpus, told.disk_gib), (4, 50));
    assert_eq!(told.memory_mib, large.memory_mib);
}

#[tokio::test]
async fn a_disk_that_is_full_does_not_become_smaller_than_what_is_on_it() {
    let full = Faults {
        disk_usage_gib: Some(15),
        ..none()
    };
    let sandbox = Sandbox::with(full).await;
    let at = sandbox.running("a").await;
    let resize = async |gib| sandbox.cloud.resize(&at, &plan("other", gib)).await;
    resize(20).await.expect("it grows");
    let used = sandbox.cloud.disk_usage(&at).await.expect("is told");
    assert_eq!(used, Some(15 << 30));
    let refused = resize(14).await.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert!(
        refused.message.contains("15 GiB") && refused.message.contains("14 GiB"),
        "{refused}"
    );
    assert_eq!(sandbox.record(&at).await.disk_gib, 20);
    resize(15).await.expect("it fits");
    assert_eq!(sandbox.record(&at).await.disk_gib, 15);
}

#[tokio::test]
async fn the_guest_of_a_failing_package_says_which_one_failed() {
    let sandbox = Sandbox::with(Faults {
        fail_package: "nginx".to_owned(),
        ..none()
    })
    .await;
    let named = sandbox.running("a").await;
    let mut other = request("b");
    other.user_data = "#cloud-config\n{\"packages\":[\"nginx-light\"]}\n".to_owned();
    let other = sandbox.cloud.create(&other).await.expect("is created").at;

    let failure = sandbox.cloud.guest_report(&named).await.expect("is asked");
    assert!(
        failure
            .expect_err("fails")
            .contains("Unable to locate package nginx\n")
    );
    let log = sandbox.cloud.guest_report(&other).await.expect("is asked");
    assert!(log.expect("is well").contains("status: done"));

    sandbox.set(none()).await;
    let log = sandbox.cloud.guest_report(&named).await.expect("is asked");
    assert!(log.expect("is well").starts_with("Cloud-init v."));
}

#[tokio::test]
async fn a_guest_that_is_not_up_gives_no_report() {
    let sandbox = Sandbox::with(Faults {
        boot_ms: 60_000,
        ..none()
    })
    .await;
    let made = sandbox.create("a").await.expect("is created");
    assert_eq!(made.power, Power::Pending);
    let report = sandbox.cloud.guest_report(&made.at).await;
    assert_eq!(class(report), ErrorClass::Unavailable);
}
