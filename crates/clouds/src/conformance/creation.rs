//! Creating and finding: nothing that was made is ever forgotten, and nothing is made twice.

use domain::server::Power;

use super::scene::{Answer, Scene};
use crate::cloud::{ErrorClass, InstanceRef, Tag, Until};

/// The credentials are accepted, and the offer has the region that everything else is done in.
pub async fn the_cloud_answers_and_offers_its_region(scene: &Scene) {
    scene.cloud.check().await.must("check");
    let offer = scene.cloud.offer().await.must("offer");
    let slugs: Vec<_> = offer
        .regions
        .iter()
        .map(|region| region.slug.as_str())
        .collect();
    assert!(
        slugs.contains(&scene.fixture.region.as_str()),
        "the offer has only {slugs:?}"
    );
}

/// The token that was stored before the create leads to the instance, also when the create's answer was lost.
pub async fn a_created_instance_is_found_by_its_token(scene: &Scene) {
    let (request, running) = scene.running().await;
    let found = scene.found(&request.tag, 1).await;
    assert_eq!(found[0].at, running.at);
    assert_eq!(found[0].tag.as_ref(), Some(&request.tag));
    assert_eq!(found[0].name, request.name);
    assert_eq!(found[0].at.region, scene.fixture.region);
    assert_eq!(found[0].power, Power::Running);
    let got = scene.cloud.get(&running.at).await.must("get");
    assert_eq!(got, found[0], "find and get show the same");

    let elsewhere = Tag {
        installation: scene.other_installation(),
        ..request.tag.clone()
    };
    assert_eq!(scene.found(&elsewhere, 0).await, []);
    assert_eq!(scene.found(&scene.new_tag(), 0).await, []);
}

/// Two installations share an account and never see each other's instances.
pub async fn a_created_instance_is_listed_under_its_installation_alone(scene: &Scene) {
    let (_, running) = scene.running().await;
    assert_eq!(scene.listed(scene.installation(), 1).await, [running.at.id]);
    assert_eq!(scene.listed(&scene.other_installation(), 0).await, [""; 0]);
}

/// After a lost answer: the instance is found by its token, so no second one is made.
pub async fn looking_first_makes_a_second_create_needless(scene: &Scene) {
    let request = scene.request();
    let lost = scene.create(&request).await;

    let found = scene.found(&request.tag, 1).await;
    assert_eq!(found[0].at, lost.at);
    assert_eq!(scene.listed(scene.installation(), 1).await.len(), 1);
}

/// Names are for people: two servers may be called the same.
pub async fn two_instances_may_bear_the_same_name(scene: &Scene) {
    let first = scene.request();
    let mut second = scene.request();
    second.name.clone_from(&first.name);
    let one = scene.create(&first).await;
    let other = scene.create(&second).await;
    assert_ne!(one.at, other.at);
    for made in [&one, &other] {
        let running = scene.reaches(&made.at, Until::Running).await;
        assert_eq!(running.name, first.name);
    }
}

/// An id that no instance has is "not found" for every verb, and nothing else.
pub async fn an_unknown_instance_is_not_found(scene: &Scene) {
    let fixture = &scene.fixture;
    let at = InstanceRef {
        region: fixture.region.clone(),
        id: fixture.unknown_id.clone(),
    };
    scene
        .cloud
        .get(&at)
        .await
        .must_fail(ErrorClass::NotFound, "get");
    scene
        .cloud
        .start(&at)
        .await
        .must_fail(ErrorClass::NotFound, "start");
    scene
        .cloud
        .stop(&at, true)
        .await
        .must_fail(ErrorClass::NotFound, "stop");
    scene
        .cloud
        .reboot(&at)
        .await
        .must_fail(ErrorClass::NotFound, "reboot");
    let gone = scene
        .cloud
        .wait(&at, Until::Gone, fixture.patience)
        .await
        .must("wait until gone");
    assert_eq!(gone.power, Power::Terminated);
}
