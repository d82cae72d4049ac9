//! What may be changed about an instance, where the cloud can: size, system, owner, password.

use secrecy::SecretString;

use super::scene::{Answer, Scene};
use crate::cloud::{ErrorClass, Guest, Tag, Until};

/// Of a password that is nowhere.
const A_HASH: &str = "$6$conformance$nvTVW4YdH/hM5TUvjWadnF9eQAo/V4oWi3AQmsQf1pxKKiKAE7IPbftvpw5vYxH2bHNSvflrr9sqgznukzPAY0";

/// A larger size leaves the instance what it was, and so does the way back where the cloud can make a disk smaller.
pub async fn a_resized_instance_runs_under_its_tag(scene: &Scene) {
    let (request, running) = scene.running().await;
    let fixture = &scene.fixture;
    let resized = scene.cloud.resize(&running.at, &fixture.larger_plan).await;
    if resized.if_supported("resize").is_none() {
        return;
    }
    let smaller = async || {
        let back = scene.cloud.resize(&running.at, &fixture.plan).await;
        back.if_supported("resize to a smaller size");
    };
    for and_back in [false, true] {
        if and_back {
            smaller().await;
        }
        scene
            .cloud
            .start(&running.at)
            .await
            .must("start what was resized");
        let resized = scene.reaches(&running.at, Until::Running).await;
        assert_eq!(resized.tag.as_ref(), Some(&request.tag));
        assert_eq!(resized.name, request.name);
    }
}

/// A new system on the same instance: same address, same tag, same name. Once more does no harm.
pub async fn a_rebuilt_instance_keeps_its_address_and_its_tag(scene: &Scene) {
    let (request, running) = scene.running().await;
    let user_data = "#cloud-config\n{\"hostname\":\"rebuilt\"}\n";
    let image = &scene.fixture.image;
    for nesting in [true, false] {
        let mark = scene.new_mark();
        let rebuilt = scene
            .cloud
            .rebuild(&running.at, image, user_data, nesting, &mark)
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
}

/// As a restore: a second one would throw away what the new system has written since the first.
pub async fn a_rebuild_that_is_asked_for_again_under_the_same_mark_is_not_done_again(
    scene: &Scene,
) {
    let (_, running) = scene.running().await;
    let (at, image) = (&running.at, &scene.fixture.image);
    let user_data = "#cloud-config\n{}\n";
    let (mark, other) = (scene.new_mark(), scene.new_mark());
    let mut epochs = Vec::new();
    for mark in [&mark, &mark, &other] {
        let rebuilt = scene.cloud.rebuild(at, image, user_data, false, mark).await;
        let Some(epoch) = scene.epoch_after(rebuilt, at).await else {
            return;
        };
        epochs.push(epoch);
    }
    assert_eq!(epochs[0], epochs[1], "it was done again");
    scene.must_begin_an_epoch(&epochs[1], &epochs[2], at).await;
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

/// An instance whose tag is taken off is nobody's, and is left as it is.
pub async fn a_released_instance_is_nobodys_and_runs_on(scene: &Scene) {
    let (request, running) = scene.running().await;
    let released = scene.cloud.release(&running.at).await;
    if released.if_supported("release").is_none() {
        return;
    }
    assert_eq!(scene.found(&request.tag, 0).await, []);
    assert_eq!(scene.listed(scene.installation(), 0).await, [""; 0]);
    let seen = scene.cloud.get(&running.at).await.must("get");
    assert_eq!((seen.tag, seen.power), (None, running.power));
    scene.cloud.release(&running.at).await.must("release again");
    // So that it is found when the scene is cleared.
    scene
        .cloud
        .adopt(&running.at, &request.tag)
        .await
        .must("adopt");
    scene.found(&request.tag, 1).await;
}

/// Root's password can be set inside a running instance by its hash, and its console can be read. What is no hash would
/// be a password that nobody can have.
pub async fn a_password_is_set_and_the_console_is_read(scene: &Scene) {
    let (_, running) = scene.running().await;
    let set = scene
        .cloud
        .set_password(&running.at, "root", &a_hash())
        .await;
    if set.if_supported("set a password").is_some() {
        for (user, hash) in [
            ("root", "no hash"),
            ("ro:ot", A_HASH),
            ("root", "$6$a\nb:c"),
        ] {
            let hash = SecretString::from(hash);
            let refused = scene.cloud.set_password(&running.at, user, &hash).await;
            refused.must_fail(ErrorClass::Rejected, "set what is no hash");
        }
    }
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
    cloud.traffic(at).await.if_supported("traffic");
    cloud.console_log(at).await.if_supported("console_log");
    cloud
        .set_password(at, "root", &a_hash())
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
        .rebuild(at, image, "#cloud-config\n{}\n", false, &scene.new_mark())
        .await
        .if_supported("rebuild");
}

fn a_hash() -> SecretString {
    SecretString::from(A_HASH)
}
