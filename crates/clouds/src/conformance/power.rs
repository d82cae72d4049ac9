//! On, off and on again.

use super::scene::{Answer, Scene};
use crate::cloud::Until;

/// It stops, and when it is started again it can be reached again.
pub async fn a_stopped_instance_starts_again_with_an_address(scene: &Scene) {
    let (request, running) = scene.running().await;
    assert!(running.address().is_some(), "it runs with an address");

    scene.cloud.stop(&running.at, false).await.must("stop");
    let stopped = scene.reaches(&running.at, Until::Stopped).await;
    assert_eq!(
        stopped.tag.as_ref(),
        Some(&request.tag),
        "a stopped instance keeps its tag"
    );

    scene.cloud.start(&running.at).await.must("start");
    let again = scene.reaches(&running.at, Until::Running).await;
    assert!(again.address().is_some(), "it runs with an address again");
    assert_eq!(again.at, running.at);
    assert_eq!(again.name, request.name);
}

/// A verb may be repeated after a crash: starting what runs and stopping what is stopped are successes.
pub async fn what_is_already_so_is_a_success(scene: &Scene) {
    let (_, running) = scene.running().await;
    scene.cloud.start(&running.at).await.must("start what runs");
    scene.reaches(&running.at, Until::Running).await;

    scene
        .cloud
        .stop(&running.at, true)
        .await
        .must("stop by force");
    scene.reaches(&running.at, Until::Stopped).await;
    scene
        .cloud
        .stop(&running.at, false)
        .await
        .must("stop what is stopped");
    scene
        .cloud
        .stop(&running.at, true)
        .await
        .must("stop what is stopped by force");
    scene.reaches(&running.at, Until::Stopped).await;
}

/// A reboot ends with the same instance running.
pub async fn a_rebooted_instance_comes_back(scene: &Scene) {
    let (request, running) = scene.running().await;
    scene.cloud.reboot(&running.at).await.must("reboot");
    let again = scene.reaches(&running.at, Until::Running).await;
    assert_eq!(again.at, running.at);
    assert_eq!(again.tag.as_ref(), Some(&request.tag));
}
