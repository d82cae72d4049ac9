//! The Incus driver against a real Incus: the suite that every cloud's driver passes, and what is Incus's own.
//!
//! Where no Incus answers, each test says so and passes without having tested anything. `ARCUS_TEST_INCUS` names
//! another socket than the usual one; set, it is a promise, and an Incus that doesn't answer there is a failure.

mod copies;
mod creation;
mod inside;
mod interceptor;
mod measures;
mod network;
mod passwords;
mod pools;
mod power;
mod proxy;
mod regions;
mod resizes;
mod restores;
mod rig;

use clouds::conformance::{Fixture, Setup};
use domain::random;

use rig::{PATIENCE, REGION, Raw, image, plan};

clouds::conformance_suite!(setup);

async fn setup() -> Option<Setup> {
    let raw = Raw::reach().await?;
    let fixture = Fixture {
        region: REGION.to_owned(),
        image: image(),
        plan: plan(1, 512, 4),
        larger_plan: plan(2, 768, 5),
        patience: PATIENCE,
        prefix: "conf".to_owned(),
        unknown_id: format!("none-{}", random::hex::<4>()),
        keep: None,
    };
    Some((raw.cloud(), fixture))
}
