//! The DigitalOcean driver against a stand-in of ours: the suite that every cloud's driver passes, with DigitalOcean's own
//! specification between the two, and what is DigitalOcean's own.
//!
//! Prism stands between as a proxy: a request or an answer that breaks `specification.yaml` is answered with an error, so
//! that the test fails. Where there is no Prism, those tests say so and pass without having tested anything.
//! `ARCUS_TEST_PRISM` names its program; set, it is a promise, and a Prism that isn't there is a failure.

mod changes;
mod faults;
mod groups;
mod reading;
mod rig;

use std::sync::Arc;
use std::time::Duration;

use clouds::Until;
use clouds::conformance::{Fixture, Setup};
use serde_json::json;
use testkit::digital_ocean::{Fault, StandIn};

use rig::{REGION, image, plan};

clouds::conformance_suite!(setup);

async fn setup() -> Option<Setup> {
    let prism = rig::shared_prism().await?;
    let fixture = Fixture {
        region: REGION.to_owned(),
        image: image(),
        plan: plan("s-1vcpu-1gb", 25),
        larger_plan: plan("c-2", 25),
        patience: Duration::from_secs(60),
        prefix: "conformance".to_owned(),
        unknown_id: "999999999".to_owned(),
        keep: Some(Arc::new(prism.faithful())),
    };
    Some((rig::open(&prism.url), fixture))
}

/// What the suite leaves out, and the specification should see: keys, a firewall that gets more rules, snapshots that
/// outlive their droplet, a group's end.
#[tokio::test]
async fn keys_and_firewalls_keep_to_the_specification() {
    let Some(prism) = rig::shared_prism().await else {
        return;
    };
    let _faithful = prism.faithful();
    let cloud = rig::open(&prism.url);
    let mut request = rig::request("whole");
    request.public_keys = vec![rig::KEY.to_owned()];
    for ports in [vec![443], vec![8080]] {
        request.ports = ports;
        request.tag.token = domain::random::hex::<8>();
        let made = rig::running(&cloud, &request).await;
        let taken = cloud.create_snapshot(&made.at, "one").await;
        taken.expect("is taken");
        rig::vanish(&prism.url, &made.at).await;
        let gone = cloud.wait(&made.at, Until::Gone, rig::PATIENCE).await;
        gone.expect("is gone");
        cloud.clear_gone(&made.at).await.expect("is cleared");
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

    let request = json!({ "name": "a", "size": 7, "image": "debian-12-x64" });
    let answer = rig::raw(&prism.url, "droplets", &request).await;
    assert!(answer.contains("stoplight.io/prism/errors"), "{answer}");
    assert_eq!(stand_in.droplets(), 0);
    prism.told().await;

    stand_in.fault(
        "GET",
        "/v2/account",
        Fault::Answer(json!({ "account": { "email": 7 } })),
    );
    let refused = cloud.check().await.expect_err("an answer breaks it");
    assert!(
        refused.message.contains("stoplight.io/prism/errors"),
        "{refused}"
    );
}
