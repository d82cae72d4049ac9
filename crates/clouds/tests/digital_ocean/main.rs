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

use std::time::Duration;

use clouds::conformance::{Fixture, Setup};
use testkit::digital_ocean::StandIn;

use rig::{Prism, REGION, image, plan};

clouds::conformance_suite!(setup);

async fn setup() -> Option<Setup> {
    let stand_in = StandIn::start();
    let prism = Prism::before(&stand_in).await?;
    let fixture = Fixture {
        region: REGION.to_owned(),
        image: image(),
        plan: plan("s-1vcpu-1gb", 25),
        larger_plan: plan("c-2", 25),
        patience: Duration::from_secs(60),
        prefix: "conformance".to_owned(),
        unknown_id: "999999999".to_owned(),
        keep: None,
    };
    let cloud = rig::open(&prism.url);
    let fixture = Fixture {
        keep: Some(std::sync::Arc::new(prism)),
        ..fixture
    };
    Some((cloud, fixture))
}

/// What everything else here relies on: what breaks the specification doesn't pass.
#[tokio::test]
async fn a_request_that_breaks_the_specification_is_refused() {
    let stand_in = StandIn::start();
    let Some(prism) = Prism::before(&stand_in).await else {
        return;
    };
    let cloud = rig::open(&prism.url);
    cloud.check().await.expect("what keeps to it passes");
    let answer = rig::raw(&prism.url, "droplets", &serde_json::json!({ "name": "a" })).await;
    assert!(answer.contains("stoplight.io/prism/errors"), "{answer}");
    assert_eq!(stand_in.droplets(), 0);
}
