//! The sandbox passes the suite that every driver passes, and shows each of its faults on request.

mod creation;
mod faults;
mod processes;
mod states;
mod support;
mod world;

use std::sync::Arc;
use std::time::Duration;

use clouds::Cloud;
use clouds::conformance::Fixture;
use clouds::sandbox::Faults;

use support::{REGION, Sandbox, image, plan};

/// A sandbox whose every change takes a moment, so that nothing in the suite is true by haste.
async fn a_sandbox() -> (Arc<dyn Cloud>, Fixture) {
    let sandbox = Sandbox::open().await;
    let faults = Faults {
        boot_ms: 30,
        stop_ms: 20,
        destroy_ms: 20,
        ..Faults::default()
    };
    sandbox
        .world
        .set_faults(&Faults {
            visible_after_ms: 10,
            ..faults
        })
        .await
        .expect("is set");
    let fixture = Fixture {
        region: REGION.to_owned(),
        image: image("debian-12"),
        plan: plan("small", 10),
        larger_plan: plan("large", 20),
        patience: Duration::from_secs(20),
        prefix: "conformance".to_owned(),
        unknown_id: "sb-0000000000000000".to_owned(),
        keep: Some(Arc::new(sandbox.directory)),
    };
    (sandbox.cloud, fixture)
}

clouds::conformance_suite!(a_sandbox);
