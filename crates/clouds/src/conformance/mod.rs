//! What every cloud's driver must do, written once against the trait.
//!
//! A driver's tests call [`conformance_suite!`](crate::conformance_suite), which makes one test of each behaviour.
//! Nothing in here knows any cloud: what a driver can't do it answers with `Unsupported` and a reason, and passes. What
//! must stay true: a behaviour works under an installation of its own, so that many run at once on one account, and
//! whatever it made is destroyed at the end, also when it failed.
//!
//! ```ignore
//! async fn a_cloud() -> (Arc<dyn Cloud>, Fixture) { … }
//!
//! clouds::conformance_suite!(a_cloud);
//! // or, where the cloud is not always there (an `Option` of the pair does as well):
//! clouds::conformance_suite!(#[ignore = "needs a cloud at hand"] a_cloud);
//! ```

#![expect(
    clippy::missing_panics_doc,
    reason = "a behaviour that does not hold panics, and says what happened"
)]

mod changes;
mod creation;
mod ending;
mod measures;
mod power;
mod scene;
mod snapshots;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::cloud::Cloud;

pub use changes::*;
pub use creation::*;
pub use ending::*;
pub use measures::*;
pub use power::*;
pub use scene::{Fixture, Scene};
pub use snapshots::*;

/// A driver, and what the suite needs to know of its cloud.
pub type Setup = (Arc<dyn Cloud>, Fixture);

/// One behaviour: it panics with the reason when the driver does not have it.
pub type Behaviour = for<'a> fn(&'a Scene) -> BoxFuture<'a, ()>;

/// Makes one test of each behaviour. Takes the path of an `async fn() -> (Arc<dyn Cloud>, Fixture)`, or of one that
/// returns an `Option` of it, `None` where there is no cloud to test; with attributes for the tests before it, such as
/// `#[ignore = "…"]`. The caller depends on tokio with its macros.
#[macro_export]
macro_rules! conformance_suite {
    ($(#[$attribute:meta])* $setup:path) => {
        $crate::conformance_tests! { { $(#[$attribute])* $setup }
            the_cloud_answers_and_offers_its_region
            a_created_instance_is_found_by_its_token
            a_created_instance_is_listed_under_its_installation_alone
            looking_first_makes_a_second_create_needless
            two_instances_may_bear_the_same_name
            an_unknown_instance_is_not_found
            a_stopped_instance_starts_again_with_an_address
            what_is_already_so_is_a_success
            a_rebooted_instance_comes_back
            a_retired_instance_has_its_last_name_and_is_still_reached
            a_destroyed_instance_is_gone
            a_stopped_instance_is_destroyed_too
            destroying_what_is_gone_does_no_harm
            a_snapshot_is_listed_restored_and_destroyed
            a_restored_instance_is_what_it_was_but_for_its_disk
            a_restore_that_is_asked_for_again_under_the_same_mark_is_not_done_again
            an_instance_from_a_snapshot_is_one_of_its_own
            a_snapshot_that_is_gone_makes_no_instance
            a_resized_instance_runs_under_its_tag
            a_rebuilt_instance_keeps_its_address_and_its_tag
            a_rebuild_that_is_asked_for_again_under_the_same_mark_is_not_done_again
            an_adopted_instance_is_found_under_its_new_tag_alone
            a_released_instance_is_nobodys_and_runs_on
            traffic_counters_do_not_go_backwards_while_it_runs
            a_restart_begins_another_epoch_of_traffic
            the_disk_the_network_and_the_capacity_are_told
            a_password_is_set_and_the_console_is_read
            the_guest_is_asked_in_one_way
            what_a_cloud_cannot_do_comes_with_a_reason
        }
    };
}

/// The tests of those names; the braces hold the attributes and the path for [`conformance_test`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($arguments:tt $($name:ident)+) => {
        $($crate::conformance_test! { $arguments $name })+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test {
    ({ $(#[$attribute:meta])* $setup:path } $name:ident) => {
        #[tokio::test]
        $(#[$attribute])*
        async fn $name() {
            let setup: ::core::option::Option<$crate::conformance::Setup> = $setup().await.into();
            if let Some((cloud, fixture)) = setup {
                $crate::conformance::check(cloud, fixture, |scene| {
                    Box::pin($crate::conformance::$name(scene))
                })
                .await;
            }
        }
    };
}

/// Puts a driver through one behaviour, and destroys what it made whether it held or not.
pub async fn check(cloud: Arc<dyn Cloud>, fixture: Fixture, behaviour: Behaviour) {
    let scene = Scene::new(cloud, fixture);
    let outcome = AssertUnwindSafe(behaviour(&scene)).catch_unwind().await;
    let cleaned = scene.clean_up().await;
    match (outcome, cleaned) {
        (Ok(()), Ok(())) => {}
        (Ok(()), Err(left)) => panic!("cleaning up: {left}"),
        (Err(reason), Ok(())) => resume_unwind(reason),
        (Err(reason), Err(left)) => {
            // The first failure is the one to look at; what it left behind costs money, so it is told as well.
            tracing::error!("cleaning up: {left}");
            resume_unwind(reason)
        }
    }
}
