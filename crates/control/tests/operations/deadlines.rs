//! Deadlines: what takes too long is given up, and says so, but not before it was tried once more: what was done by then is
//! done; a destroy is never given up.

use std::time::Duration;

use clouds::sandbox::Faults;
use control::servers::change;
use domain::OperationId;
use domain::operation::{OperationKind, OperationStatus};
use domain::server::Setup;
use serde_json::Value;

use crate::common::on_both;
use crate::shop::Shop;

fn limit(kind: OperationKind) -> Duration {
    kind.time_limit(&Value::Null).expect("it has one")
}

/// The cloud does not answer: the operation has failed, in the cloud's words, and the server is what it was, at its cloud
/// and for its owner, who is told why.
async fn assert_is_given_up(shop: &Shop, id: OperationId) {
    let away = Faults {
        unavailable: 1.0,
        ..Faults::default()
    };
    shop.world.set_faults(&away).await.expect("is set");
    let over = shop.work(id).await;
    assert_eq!((over.status, over.attempt), (OperationStatus::Failed, 2));
    let error = over.error.expect("it says why");
    let why = error.strip_prefix("given up after 2 tries: ");
    assert!(
        why.is_some_and(|why| why.contains("can't answer")),
        "{error}"
    );
    assert_eq!(shop.state().await, Some("running"));
    let server = shop.house.seen(&shop.server).await;
    assert_eq!((server.setup, server.error), (Setup::Ready, Some(error)));
    let listed = control::servers::list(&shop.house.app, &shop.customer.actor).await;
    assert_eq!(listed.expect("are listed").len(), 1);
}

on_both! {
    async fn what_can_not_be_done_after_its_deadline_is_given_up_and_its_server_is_there(house: House) {
        let shop = Shop::open(house).await;
        let asked = change::stop(&shop.house.app, &shop.customer.actor, shop.server.id).await.expect("is asked");
        shop.take_up("dead").await;
        shop.house.pass(limit(asked.kind) + Duration::from_hours(1));
        assert_is_given_up(&shop, asked.id).await;
    }

    async fn what_could_only_be_tried_again_after_its_deadline_is_given_up_and_its_server_is_there(house: House) {
        let shop = Shop::open(house).await;
        let asked = change::stop(&shop.house.app, &shop.customer.actor, shop.server.id).await.expect("is asked");
        shop.take_up("dead").await;
        // The very last moment: there is none for another try.
        shop.house.pass(limit(asked.kind));
        assert_is_given_up(&shop, asked.id).await;
    }

    async fn what_its_worker_died_over_is_tried_once_more_however_late_and_is_done(house: House) {
        let shop = Shop::open(house).await;
        let asked = change::stop(&shop.house.app, &shop.customer.actor, shop.server.id).await.expect("is asked");
        shop.take_up("dead").await;
        shop.house.pass(limit(asked.kind) * 100);
        let over = shop.work(asked.id).await;
        assert_eq!((over.status, over.attempt, over.error), (OperationStatus::Succeeded, 2, None));
        assert_eq!(shop.state().await, Some("stopped"));
    }

    async fn what_waits_for_a_worker_spends_no_time_of_its_own(house: House) {
        let shop = Shop::open(house).await;
        let asked = change::stop(&shop.house.app, &shop.customer.actor, shop.server.id).await.expect("is asked");
        shop.house.pass(limit(asked.kind) * 100);
        let over = shop.work(asked.id).await;
        assert_eq!((over.status, over.attempt), (OperationStatus::Succeeded, 1));
        assert_eq!(shop.state().await, Some("stopped"));
    }

    async fn a_destroy_is_taken_up_again_however_long_it_was_left(house: House) {
        let shop = Shop::open(house).await;
        let asked = change::destroy(&shop.house.app, &shop.customer.actor, shop.server.id).await.expect("is asked");
        shop.take_up("dead").await;
        shop.house.pass(Duration::from_hours(365 * 24));
        let over = shop.work(asked.id).await;
        assert_eq!((over.status, over.attempt), (OperationStatus::Succeeded, 2));
        assert_eq!(shop.state().await, None);
    }
}
