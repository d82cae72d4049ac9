//! What may be changed about an instance, where the cloud can: disk, size, system, owner.

use secrecy::SecretString;

use super::scene::{Answer, Scene};
use crate::cloud::{ErrorClass, Guest, Tag, Until};

/// Two snapshots are taken, one is restored, one is destroyed.
pub async fn a_snapshot_is_listed_restored_and_destroyed(scene: &Scene) {
    let (_, running) = scene.running().await;
    let at = &running.at;
    let taken = scene.cloud.create_snapshot(at, "first").await;
    if taken.if_supported("create a snapshot").is_none() {
        return;
    }
    scene
        .cloud
        .create_snapshot(at, "second")
        .await
        .must("create another snapshot");
    assert_eq!(names(scene, at).await, ["first", "second"]);

    scene
        .cloud
        .restore_snapshot(at, "first")
        .await
        .must("restore");
    scene.cloud.start(at).await.must("start what was restored");
    scene.reaches(at, Until::Running).await;

    scene
        .cloud
        .destroy_snapshot(at, "first")
        .await
        .must("destroy a snapshot");
    assert_eq!(names(scene, at).await, ["second"]);
    let missing = scene.cloud.restore_snapshot(at, "first").await;
    missing.must_fail(ErrorClass::NotFound, "restore what is destroyed");
}

async fn names(scene: &Scene, at: &crate::InstanceRef) -> Vec<String> {
    let snapshots = scene.cloud.snapshots(at).await.must("list snapshots");
    let mut names: Vec<_> = snapshots
        .into_iter()
        .map(|snapshot| snapshot.name)
        .collect();
    names.sort();
    names
}

/// A larger size leaves the instance what it was.
pub async fn a_resized_instance_runs_under_its_tag(scene: &Scene) {
    let (request, running) = scene.running().await;
    let resized = scene
        .cloud
        .resize(&running.at, &scene.fixture.larger_plan)
        .await;
    if resized.if_supported("resize").is_none() {
        return;
    }
    scene
        .cloud
        .start(&running.at)
        .await
        .must("start what was resized");
    let larger = scene.reaches(&running.at, Until::Running).await;
    assert_eq!(larger.tag.as_ref(), Some(&request.tag));
    assert_eq!(larger.name, request.name);
}

/// A new system on the same instance: same address, same tag, same name.
pub async fn a_rebuilt_instance_keeps_its_address_and_its_tag(scene: &Scene) {
    let (request, running) = scene.running().await;
    let user_data = "#cloud-config\n{\"hostname\":\"rebuilt\"}\n";
    let rebuilt = scene
        .cloud
        .rebuild(&running.at, &scene.fixture.image, user_data)
        .await;
    if rebuilt.if_supported("rebuild").is_none() {
        return;
    }
    scene
        .cloud
        .start(&running.at)
        .await
        .must("start what was rebuilt");
    let again = scene.reaches(&running.at, Until::Running).await;
    assert_eq!(again.at, running.at);
    assert_eq!(again.address(), running.address());
    assert_eq!(again.tag.as_ref(), Some(&request.tag));
    assert_eq!(again.name, request.name);
}

/// An instance that is put under another tag is that tag's alone.
pub async fn an_adopted_instance_is_found_under_its_new_tag_alone(scene: &Scene) {
    let (request, running) = scene.running().await;
    let token = scene.new_tag().token;
    let tag = Tag {
        installation: scene.other_installation(),
        token,
    };
    if scene
        .cloud
        .adopt(&running.at, &tag)
        .await
        .if_supported("adopt")
        .is_none()
    {
        return;
    }
    let found = scene.found(&tag, 1).await;
    assert_eq!(found[0].at, running.at);
    assert_eq!(found[0].tag.as_ref(), Some(&tag));
    assert_eq!(scene.listed(&tag.installation, 1).await, [running.at.id]);
    assert_eq!(scene.found(&request.tag, 0).await, []);
    assert_eq!(scene.listed(scene.installation(), 0).await, [""; 0]);
}

/// Metering adds up differences: while an instance runs, no counter is ever less than it was.
pub async fn traffic_counters_do_not_go_backwards_while_it_runs(scene: &Scene) {
    let (_, running) = scene.running().await;
    let Some(mut before) = scene
        .cloud
        .traffic(&running.at)
        .await
        .if_supported("traffic")
    else {
        return;
    };
    for _ in 0..5 {
        let after = scene.cloud.traffic(&running.at).await.must("traffic");
        assert!(
            after.received_bytes >= before.received_bytes,
            "{before:?}, then {after:?}"
        );
        assert!(
            after.sent_bytes >= before.sent_bytes,
            "{before:?}, then {after:?}"
        );
        before = after;
    }
}

/// Root's password can be set inside a running instance, and its console can be read.
pub async fn a_password_is_set_and_the_console_is_read(scene: &Scene) {
    let (_, running) = scene.running().await;
    let password = SecretString::from(domain::random::hex::<16>());
    let set = scene
        .cloud
        .set_password(&running.at, "root", &password)
        .await;
    set.if_supported("set a password");
    scene
        .cloud
        .console_log(&running.at)
        .await
        .if_supported("read the console");
}

/// A simulated guest gives its report by the cloud; a real one is asked over SSH, and the cloud says so.
pub async fn the_guest_is_asked_in_one_way(scene: &Scene) {
    let (_, running) = scene.running().await;
    let report = scene.cloud.guest_report(&running.at).await;
    match scene.cloud.guest() {
        Guest::Simulated => {
            let log = report.must("ask for the guest's report");
            assert!(
                log.is_ok_and(|log| !log.is_empty()),
                "an empty system comes up"
            );
        }
        Guest::Ssh => report.must_fail(ErrorClass::Unsupported, "ask for the guest's report"),
    }
}

/// Whatever the cloud can't do, it says why in words for a user.
pub async fn what_a_cloud_cannot_do_comes_with_a_reason(scene: &Scene) {
    let (_, running) = scene.running().await;
    let cloud = &scene.cloud;
    let at = &running.at;
    let password = SecretString::from(domain::random::hex::<16>());
    cloud.traffic(at).await.if_supported("traffic");
    cloud.console_log(at).await.if_supported("console_log");
    cloud
        .set_password(at, "root", &password)
        .await
        .if_supported("set_password");
    cloud
        .adopt(at, &scene.new_tag())
        .await
        .if_supported("adopt");
    if cloud
        .create_snapshot(at, "only")
        .await
        .if_supported("create_snapshot")
        .is_some()
    {
        cloud.snapshots(at).await.if_supported("snapshots");
        cloud
            .destroy_snapshot(at, "only")
            .await
            .if_supported("destroy_snapshot");
    }
    cloud
        .resize(at, &scene.fixture.larger_plan)
        .await
        .if_supported("resize");
    let image = &scene.fixture.image;
    cloud
        .rebuild(at, image, "#cloud-config\n{}\n")
        .await
        .if_supported("rebuild");
}
