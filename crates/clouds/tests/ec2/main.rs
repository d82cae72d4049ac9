//! The EC2 driver against moto, which imitates Amazon's API: the suite that every cloud's driver passes, and what is
//! Amazon's own.
//!
//! Where no moto answers, each test says so and passes without having tested anything. `ARCUS_TEST_MOTO` names another
//! address than the lab's; set, it is a promise, and a moto that doesn't answer there is a failure.

mod firewall;
mod images;
mod making;
mod rig;
mod selling;
mod snapshots;

use clouds::conformance::{Fixture, Setup};

use rig::{PATIENCE, REGION, Rig, image, plan};

clouds::conformance_suite!(setup);

async fn setup() -> Option<Setup> {
    let rig = Rig::reach().await?;
    let fixture = Fixture {
        region: REGION.to_owned(),
        image: image("debian-12", None),
        plan: plan("t3.small", 0),
        larger_plan: plan("t3.large", 0),
        patience: PATIENCE,
        prefix: "conf".to_owned(),
        unknown_id: "i-0123456789abcdef0".to_owned(),
        keep: None,
    };
    Some((rig.cloud, fixture))
}
