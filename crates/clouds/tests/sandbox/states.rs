//! The states that an instance goes through by itself, and what each verb does to it.

use std::time::Duration;

use clouds::sandbox::Faults;
use clouds::{ErrorClass, SnapshotRef, Until};
use domain::server::Power;
use secrecy::SecretString;
use tokio::time::Instant;

use crate::support::{REGION, Sandbox, class, image, plan, request};

#[tokio::test]
async fn an_instance_is_pending_without_an_address_until_it_has_booted() {
    let sandbox = Sandbox::with(Faults {
        boot_ms: 300,
        ..Faults::default()
    })
    .await;
    let began = Instant::now();
    let made = sandbox.create("a").await.expect("is created");
    assert_eq!((made.power, made.address()), (Power::Pending, None));
    let running = sandbox.reaches(&made.at, Until::Running).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(
        running.address(),
        Some(sandbox.record(&made.at).await.address.as_str())
    );
}

#[tokio::test]
async fn waiting_looks_no_more_often_than_it_has_to() {
    let sandbox = Sandbox::with(Faults {
        boot_ms: 300,
        ..Faults::default()
    })
    .await;
    sandbox.running("a").await;
    let looks = sandbox.world.calls().await.expect("the calls")["get"];
    assert!(looks <= 3, "{looks}");
}

#[tokio::test]
async fn waiting_ends_when_its_time_is_over_or_the_instance_is() {
    let sandbox = Sandbox::with(Faults {
        boot_ms: 60_000,
        ..Faults::default()
    })
    .await;
    let at = sandbox.create("a").await.expect("is created").at;
    let cloud = &sandbox.cloud;
    let late = cloud
        .wait(&at, Until::Running, Duration::from_millis(50))
        .await;
    assert_eq!(class(late), ErrorClass::Unavailable);

    let (waited, destroyed) = tokio::join!(
        cloud.wait(&at, Until::Running, Duration::from_secs(30)),
        sandbox.world.destroy(&at.id)
    );
    destroyed.expect("is destroyed");
    assert_eq!(class(waited), ErrorClass::NotFound);
}

#[tokio::test]
async fn stopping_and_destroying_take_their_time_unless_forced() {
    let slow = Faults {
        stop_ms: 60_000,
        destroy_ms: 60_000,
        ..Faults::default()
    };
    let sandbox = Sandbox::with(slow).await;
    let at = sandbox.running("a").await;
    let power = async || sandbox.cloud.get(&at).await.expect("get").power;

    sandbox.cloud.stop(&at, false).await.expect("stop");
    assert_eq!(power().await, Power::Stopping);
    sandbox.cloud.stop(&at, true).await.expect("stop by force");
    assert_eq!(power().await, Power::Stopped);

    sandbox.cloud.destroy(&at).await.expect("destroy");
    sandbox.cloud.destroy(&at).await.expect("destroy again");
    assert_eq!(power().await, Power::ShuttingDown);
    assert_eq!(sandbox.find("a").await[0].power, Power::ShuttingDown);
    assert_eq!(class(sandbox.cloud.start(&at).await), ErrorClass::Rejected);
    let successor = sandbox.create("a").await.expect("its token is free");
    assert_ne!(successor.at, at);
}

#[tokio::test]
async fn an_instance_that_is_gone_is_found_by_no_call() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    sandbox.cloud.destroy(&at).await.expect("destroy");
    assert_eq!(class(sandbox.cloud.get(&at).await), ErrorClass::NotFound);
    assert_eq!(
        class(sandbox.cloud.destroy(&at).await),
        ErrorClass::NotFound
    );
    assert_eq!(sandbox.find("a").await, []);
    assert_eq!(sandbox.records().await, []);
    assert_eq!(sandbox.record(&at).await.state, "terminated");
}

#[tokio::test]
async fn an_instance_that_is_switched_off_is_not_rebooted() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    sandbox.cloud.stop(&at, false).await.expect("stop");
    assert_eq!(class(sandbox.cloud.reboot(&at).await), ErrorClass::Rejected);
}

#[tokio::test]
async fn a_restored_snapshot_puts_the_disk_back() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let before = sandbox.record(&at).await;
    sandbox
        .cloud
        .create_snapshot(&at, "s")
        .await
        .expect("snapshot");
    assert_eq!(
        class(sandbox.cloud.create_snapshot(&at, "s").await),
        ErrorClass::Rejected
    );

    let user_data = "#cloud-config\n{}\n";
    sandbox
        .cloud
        .rebuild(&at, &image("debian-13"), user_data, false, "m1")
        .await
        .expect("rebuild");
    let rebuilt = sandbox.record(&at).await;
    assert_ne!(rebuilt.disk, before.disk);
    assert_eq!(
        (rebuilt.image.as_str(), &rebuilt.address),
        ("debian-13", &before.address)
    );
    let told = sandbox.world.details(&at.id).await.expect("details");
    assert_eq!((told.user_data.as_str(), told.nesting), (user_data, false));

    sandbox
        .cloud
        .restore_snapshot(&at, "s", "m2")
        .await
        .expect("restore");
    assert_eq!(sandbox.record(&at).await.disk, before.disk);
    sandbox
        .cloud
        .destroy_snapshot(&at, "s")
        .await
        .expect("destroy the snapshot");
    assert_eq!(sandbox.cloud.snapshots(&at).await.expect("snapshots"), []);
    assert_eq!(
        class(sandbox.cloud.destroy_snapshot(&at, "s").await),
        ErrorClass::NotFound
    );
}

#[tokio::test]
async fn a_size_changes_both_ways() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    for (slug, disk_gib) in [("large", 20), ("small", 10)] {
        sandbox
            .cloud
            .resize(&at, &plan(slug, disk_gib))
            .await
            .expect("resize");
        let record = sandbox.record(&at).await;
        assert_eq!(record.plan, slug);
        assert_eq!(record.disk_gib.unsigned_abs(), disk_gib);
    }
}

#[tokio::test]
async fn an_instance_from_a_snapshot_has_its_disk_and_nothing_else_of_it() {
    let sandbox = Sandbox::open().await;
    let of = sandbox.running("a").await;
    sandbox
        .cloud
        .create_snapshot(&of, "s")
        .await
        .expect("snapshot");
    let mut copy = request("b");
    let name = "s".to_owned();
    copy.snapshot = Some(SnapshotRef {
        of: of.clone(),
        name,
    });
    copy.plan = plan("large", 20);
    copy.nesting = false;
    let made = sandbox.cloud.create(&copy).await.expect("is created").at;
    let (source, made) = (sandbox.record(&of).await, sandbox.record(&made).await);
    assert_eq!(made.disk, source.disk);
    assert_eq!((made.plan.as_str(), made.disk_gib), ("large", 20));
    assert_eq!(made.token.as_deref(), Some("b"));
    assert_ne!(made.address, source.address);
    let told = sandbox.world.details(&made.id).await.expect("details");
    assert!(!told.nesting);

    let snapshots = sandbox.cloud.snapshots(&of).await.expect("snapshots");
    let used = sandbox.cloud.disk_usage(&of).await.expect("is told");
    assert_eq!(snapshots[0].size_bytes, used);
    assert!(used >= Some(1 << 30), "{used:?}");
}

#[tokio::test]
async fn a_passwords_hash_is_kept_hashed_and_needs_a_running_system() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let hash = SecretString::from("$6$salt$correct.horse.battery");
    sandbox
        .cloud
        .set_password(&at, "root", &hash)
        .await
        .expect("is set");
    let is = async |user, hash| {
        sandbox
            .world
            .password_hash_is(&at.id, user, hash)
            .await
            .expect("is compared")
    };
    assert!(is("root", "$6$salt$correct.horse.battery").await);
    assert!(!is("root", "$6$salt$wrong").await);
    assert!(!is("debian", "$6$salt$correct.horse.battery").await);

    for file in std::fs::read_dir(sandbox.directory.path()).expect("the directory") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        assert!(!String::from_utf8_lossy(&bytes).contains("correct.horse"));
    }
    sandbox.cloud.stop(&at, true).await.expect("stop");
    let refused = sandbox.cloud.set_password(&at, "root", &hash).await;
    assert_eq!(class(refused), ErrorClass::Rejected);
}

#[tokio::test]
async fn traffic_grows_while_an_instance_runs_and_stands_still_when_it_does_not() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let first = sandbox.cloud.traffic(&at).await.expect("traffic");
    let patience = Instant::now() + Duration::from_secs(20);
    while sandbox
        .cloud
        .traffic(&at)
        .await
        .expect("traffic")
        .sent_bytes
        <= first.sent_bytes
    {
        assert!(Instant::now() < patience, "it does not grow");
    }
    sandbox.cloud.stop(&at, true).await.expect("stop");
    let stopped = sandbox.cloud.traffic(&at).await.expect("traffic");
    assert!(stopped.received_bytes > first.received_bytes);
    for _ in 0..20 {
        assert_eq!(sandbox.cloud.traffic(&at).await.expect("traffic"), stopped);
    }
}

#[tokio::test]
async fn the_console_ends_in_a_login_or_in_a_power_down() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let log = sandbox.cloud.console_log(&at).await.expect("the console");
    assert!(
        log.contains("Booting debian-12") && log.ends_with("server-a login: \n"),
        "{log}"
    );
    sandbox.cloud.stop(&at, true).await.expect("stop");
    let log = sandbox.cloud.console_log(&at).await.expect("the console");
    assert!(log.ends_with("Power down\n"), "{log}");
}

#[tokio::test]
async fn another_region_is_refused_rather_than_empty() {
    let sandbox = Sandbox::open().await;
    let mut elsewhere = request("a");
    elsewhere.region = "elsewhere".to_owned();
    assert_eq!(
        class(sandbox.cloud.create(&elsewhere).await),
        ErrorClass::Rejected
    );
    assert_eq!(
        class(sandbox.cloud.list("elsewhere", "ours").await),
        ErrorClass::Rejected
    );
    assert_eq!(
        class(sandbox.cloud.find("elsewhere", &elsewhere.tag).await),
        ErrorClass::Rejected
    );
    let offer = sandbox.cloud.offer().await.expect("the offer");
    assert_eq!(offer.regions.len(), 1);
    assert_eq!(offer.regions[0].slug, REGION);
    assert!(offer.plans.is_empty() && offer.images.is_empty());
}
