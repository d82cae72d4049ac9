//! Snapshots of a disk: taken, gone back to, made into other instances.

use domain::server::Power;

use super::scene::{Answer, Scene};
use crate::cloud::{CreateInstance, ErrorClass, InstanceRef, SnapshotRef, Until};

/// Two snapshots are taken, one is restored where the cloud can do that, one is destroyed.
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

    let restored = scene
        .cloud
        .restore_snapshot(at, "first", &scene.new_mark())
        .await;
    let restores = restored.if_supported("restore").is_some();
    if restores {
        scene.cloud.start(at).await.must("start what was restored");
        scene.reaches(at, Until::Running).await;
    }

    scene
        .cloud
        .destroy_snapshot(at, "first")
        .await
        .must("destroy a snapshot");
    assert_eq!(names(scene, at).await, ["second"]);
    if restores {
        let mark = scene.new_mark();
        let missing = scene.cloud.restore_snapshot(at, "first", &mark).await;
        missing.must_fail(ErrorClass::NotFound, "restore what is destroyed");
    }
}

async fn names(scene: &Scene, at: &InstanceRef) -> Vec<String> {
    let snapshots = scene.cloud.snapshots(at).await.must("list snapshots");
    for snapshot in &snapshots {
        assert_ne!(snapshot.size_bytes, Some(0), "what is not known is none");
    }
    let mut names: Vec<_> = snapshots
        .into_iter()
        .map(|snapshot| snapshot.name)
        .collect();
    names.sort();
    names
}

/// A restore puts the disk back and nothing else; one more does no harm.
pub async fn a_restored_instance_is_what_it_was_but_for_its_disk(scene: &Scene) {
    let (request, running) = scene.running().await;
    let at = &running.at;
    let taken = scene.cloud.create_snapshot(at, "before").await;
    if taken.if_supported("create a snapshot").is_none() {
        return;
    }
    for _ in 0..2 {
        let restored = scene
            .cloud
            .restore_snapshot(at, "before", &scene.new_mark())
            .await;
        if restored.if_supported("restore").is_none() {
            return;
        }
        scene.cloud.start(at).await.must("start what was restored");
        let again = scene.reaches(at, Until::Running).await;
        assert_eq!(again.at, running.at);
        assert_eq!(again.name, request.name);
        assert_eq!(again.tag.as_ref(), Some(&request.tag));
        assert_eq!(again.address(), running.address());
    }

    scene.cloud.stop(at, true).await.must("stop");
    scene.reaches(at, Until::Stopped).await;
    scene
        .cloud
        .restore_snapshot(at, "before", &scene.new_mark())
        .await
        .must("restore what is off");
    let off = scene.cloud.get(at).await.must("get");
    assert_eq!(off.power, Power::Stopped, "what was off stays off");
}

/// Whoever asked may not know that it was done: a second restore would throw away what was written since the first. What
/// tells one from none is that it restarts the instance.
pub async fn a_restore_that_is_asked_for_again_under_the_same_mark_is_not_done_again(
    scene: &Scene,
) {
    let (_, running) = scene.running().await;
    let at = &running.at;
    let taken = scene.cloud.create_snapshot(at, "before").await;
    if taken.if_supported("create a snapshot").is_none() {
        return;
    }
    let (mark, other) = (scene.new_mark(), scene.new_mark());
    let mut epochs = Vec::new();
    for mark in [&mark, &mark, &other] {
        let restored = scene.cloud.restore_snapshot(at, "before", mark).await;
        let Some(epoch) = scene.epoch_after(restored, at).await else {
            return;
        };
        epochs.push(epoch);
    }
    assert_eq!(epochs[0], epochs[1], "it was done again");
    scene.must_begin_an_epoch(&epochs[1], &epochs[2], at).await;
}

/// Two instances at once from one snapshot: each is as one from an image, and none of them is the one that it is of.
pub async fn an_instance_from_a_snapshot_is_one_of_its_own(scene: &Scene) {
    let (_, source) = scene.running().await;
    let taken = scene.cloud.create_snapshot(&source.at, "origin").await;
    if taken.if_supported("create a snapshot").is_none() {
        return;
    }
    let (one, other) = (
        from_snapshot(scene, &source.at),
        from_snapshot(scene, &source.at),
    );
    let (first, second) = tokio::join!(scene.cloud.create(&one), scene.cloud.create(&other));
    let mut made = Vec::new();
    for answer in [first, second] {
        if let Some(instance) = answer.if_supported("create from a snapshot") {
            scene.remember(&instance.at);
            made.push(instance.at);
        }
    }
    for (at, request) in made.iter().zip([&one, &other]) {
        let copy = scene.reaches(at, Until::Running).await;
        assert_ne!(copy.at, source.at);
        assert_ne!(copy.address(), source.address());
        assert_eq!(copy.tag.as_ref(), Some(&request.tag));
        assert_eq!(copy.name, request.name);
        assert_eq!(scene.found(&request.tag, 1).await[0].at, *at);
        assert!(names(scene, at).await.is_empty(), "it has no snapshots");
    }
    let still = scene.reaches(&source.at, Until::Running).await;
    assert_eq!(still, source, "what it is a copy of is as it was");
}

/// A snapshot that is gone will not come back: the create is refused for good, and leaves nothing.
pub async fn a_snapshot_that_is_gone_makes_no_instance(scene: &Scene) {
    let (_, source) = scene.running().await;
    let unknown = InstanceRef {
        region: scene.fixture.region.clone(),
        id: scene.fixture.unknown_id.clone(),
    };
    for of in [source.at, unknown] {
        let request = from_snapshot(scene, &of);
        let refused = scene.cloud.create(&request).await;
        match refused {
            Err(error) if error.class == ErrorClass::Unsupported => {}
            refused => refused.must_fail(ErrorClass::Rejected, "create from what is gone"),
        }
        assert_eq!(scene.found(&request.tag, 0).await, []);
    }
}

fn from_snapshot(scene: &Scene, of: &InstanceRef) -> CreateInstance {
    let mut request = scene.request();
    request.snapshot = Some(SnapshotRef {
        of: of.clone(),
        name: "origin".to_owned(),
    });
    request
}
