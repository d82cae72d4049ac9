//! The Hetzner Cloud driver against a stand-in of ours: the suite that every cloud's driver passes, with a specification of
//! Hetzner's API between the two, and what is Hetzner's own.
//!
//! Prism stands between as a proxy: a request or an answer that breaks `specification.yaml` is answered with an error, so
//! that the test fails. Where there is no Prism, those tests say so and pass without having tested anything.
//! `ARCUS_TEST_PRISM` names its program; set, it is a promise, and a Prism that isn't there is a failure.

mod changes;
mod faults;
mod groups;
mod making;
mod rig;

use std::sync::Arc;
use std::time::Duration;

use clouds::conformance::{Fixture, Setup};
use serde_json::json;
use testkit::hetzner::{Fault, StandIn};

use rig::{REGION, image, plan};

clouds::conformance_suite!(setup);

async fn setup() -> Option<Setup> {
    let prism = rig::shared_prism().await?;
    let fixture = Fixture {
        region: REGION.to_owned(),
        image: image(),
        plan: plan("cx23", 40),
        larger_plan: plan("ccx03", 40),
        patience: Duration::from_secs(60),
        prefix: "conformance".to_owned(),
        unknown_id: "999999999".to_owned(),
        keep: Some(Arc::new(prism.faithful())),
    };
    Some((rig::open(&prism.url), fixture))
}

/// What the suite leaves out, and the specification should see: prices, keys, a firewall that gets more rules, a second
/// network zone, a disk that grows, a group's end.
#[tokio::test]
async fn keys_groups_and_growing_disks_keep_to_the_specification() {
    let Some(prism) = rig::shared_prism().await else {
        return;
    };
    let _faithful = prism.faithful();
    let cloud = rig::open(&prism.url);
    let mut request = rig::request("whole");
    request.public_keys = vec![rig::KEY.to_owned()];
    cloud.offer().await.expect("an offer");
    for (port, region) in [(443, REGION), (8080, "ash")] {
        request.ports = vec![port];
        region.clone_into(&mut request.region);
        request.tag.token = domain::random::hex::<8>();
        let made = rig::running(&cloud, &request).await;
        let grown = cloud.resize(&made.at, &plan("cx33", 80)).await;
        grown.expect("grows");
        rig::destroy(&cloud, &made.at).await;
    }
    let cleared = cloud.clear_group(REGION, &request.group).await;
    cleared.expect("nothing is left of the group");
}

/// What everything else here relies on: what breaks the specification doesn't pass.
#[tokio::test]
async fn what_breaks_the_specification_is_refused() {
    let stand_in = StandIn::start();
    let Some(prism) = rig::prism_before(&stand_in).await else {
        return;
    };
    let cloud = rig::open(&prism.url);
    cloud.check().await.expect("what keeps to it passes");
    assert_eq!(prism.refused(), [""; 0]);

    let request = json!({ "name": "a", "server_type": 7, "image": "debian-12" });
    let answer = rig::raw(&prism.url, "servers", &request).await;
    assert!(answer.contains("stoplight.io/prism/errors"), "{answer}");
    assert!(stand_in.servers().is_empty());
    prism.told().await;

    let wrong = json!({ "servers": [{ "id": "seven" }], "meta": {} });
    stand_in.fault("GET", "/v1/servers", Fault::Answer(wrong));
    let refused = cloud.check().await.expect_err("an answer breaks it");
    assert!(
        refused.message.contains("stoplight.io/prism/errors"),
        "{refused}"
    );
}
