//! The end of an instance: renamed, destroyed, and watched until it is gone.

use super::scene::{Answer, Scene};
use crate::cloud::{ErrorClass, Until};

/// The last name is on it, and the address that came back is good for all that follows.
pub async fn a_retired_instance_has_its_last_name_and_is_still_reached(scene: &Scene) {
    let (request, running) = scene.running().await;
    let last = domain::names::deleted(&request.name);
    let at = scene.cloud.retire(&running.at, &last).await.must("retire");
    scene.remember(&at);

    let retired = scene
        .cloud
        .get(&at)
        .await
        .must("get by the returned address");
    assert_eq!(retired.name, last);
    assert_eq!(
        retired.tag.as_ref(),
        Some(&request.tag),
        "a retired instance keeps its tag"
    );
    assert_eq!(scene.found(&request.tag, 1).await[0].at, at);

    // After a crash the verb comes again, with the address that the first one gave.
    let again = scene
        .cloud
        .retire(&at, &last)
        .await
        .must("retire once more");
    scene.remember(&again);
    scene
        .cloud
        .destroy(&again)
        .await
        .must("destroy by the returned address");
    scene.reaches(&again, Until::Gone).await;
}

/// A running instance is destroyed without being stopped first, and is then seen nowhere.
pub async fn a_destroyed_instance_is_gone(scene: &Scene) {
    let (request, running) = scene.running().await;
    scene.cloud.destroy(&running.at).await.must("destroy");
    scene.reaches(&running.at, Until::Gone).await;
    assert_eq!(scene.found(&request.tag, 0).await, []);
    assert_eq!(scene.listed(scene.installation(), 0).await, [""; 0]);
}

/// A stopped instance is destroyed as well.
pub async fn a_stopped_instance_is_destroyed_too(scene: &Scene) {
    let (_, running) = scene.running().await;
    scene.cloud.stop(&running.at, true).await.must("stop");
    scene.reaches(&running.at, Until::Stopped).await;
    scene.cloud.destroy(&running.at).await.must("destroy");
    scene.reaches(&running.at, Until::Gone).await;
}

/// A destroy that is repeated is a success or "not found", and leaves the instance gone.
pub async fn destroying_what_is_gone_does_no_harm(scene: &Scene) {
    let (_, running) = scene.running().await;
    scene.cloud.destroy(&running.at).await.must("destroy");
    for _ in 0..2 {
        if let Err(error) = scene.cloud.destroy(&running.at).await {
            assert_eq!(
                error.class,
                ErrorClass::NotFound,
                "destroy again: {}",
                error.message
            );
        }
        scene.reaches(&running.at, Until::Gone).await;
    }
}
