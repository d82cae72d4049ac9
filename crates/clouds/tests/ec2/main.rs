//! The EC2 driver against two imitations of Amazon's API: moto, which others keep, and the stand-in, which has Amazon's
//! faults as well. Both see the suite that every cloud's driver passes, and what is Amazon's own; `faults` is for the
//! stand-in alone.
//!
//! Where no moto answers, each of its tests says so and passes without having tested anything. `ARCUS_TEST_MOTO` names
//! another address than the lab's; set, it is a promise, and a moto that doesn't answer there is a failure.

/// Makes two tests of each of these functions, `NAME::at_moto` and `NAME::at_the_stand_in`. Each takes a rig.
macro_rules! at_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn at_moto() {
                if let Some(rig) = $crate::rig::Rig::moto().await {
                    super::$name(rig).await;
                }
            }

            #[tokio::test]
            async fn at_the_stand_in() {
                super::$name($crate::rig::Rig::stand_in()).await;
            }
        }
    )+};
}

mod credentials;
mod faults;
mod firewall;
mod forward;
mod images;
mod importing;
mod making;
mod resizing;
mod rig;
mod selling;
mod settling;
mod snapshots;

use std::future::{Ready, ready};

use clouds::conformance::{Fixture, Setup};

use rig::{PATIENCE, REGION, Rig, image, plan};

mod at_moto {
    clouds::conformance_suite!(super::moto);
}

mod at_the_stand_in {
    clouds::conformance_suite!(super::stand_in);
}

async fn moto() -> Option<Setup> {
    Rig::moto().await.map(setup)
}

fn stand_in() -> Ready<Setup> {
    ready(setup(Rig::stand_in()))
}

fn setup(rig: Rig) -> Setup {
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
    (rig.cloud, fixture)
}
