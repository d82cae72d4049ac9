//! Workers that lose their lease just before the end: what the cloud has done is found done, and the end is written once.

use std::time::Duration;

use control::servers::snapshots;
use domain::OperationId;
use domain::operation::{Operation, OperationStatus};
use domain::snapshot::{Snapshot, SnapshotState};
use store::operations::{Lease, Step};

use crate::common::on_both;
use crate::shop::Shop;

/// The last step of deleting a snapshot, as its worker writes it.
const GONE: Step<'static> = Step {
    name: "gone",
    percent: 90,
    message: "the snapshot is gone",
};

/// A snapshot that is there and is to be deleted; the operation that will do it.
async fn to_be_deleted(shop: &Shop) -> (Snapshot, Operation) {
    let (app, actor) = (&shop.house.app, &shop.customer.actor);
    let taken = snapshots::create(app, actor, shop.server.id, "before").await;
    let taken = shop.work(taken.expect("is asked").id).await;
    assert_eq!(taken.status, OperationStatus::Succeeded);
    let snapshot = shop.snapshots().await.remove(0);
    assert_eq!(snapshot.state, SnapshotState::Available);
    let asked = snapshots::destroy(app, actor, snapshot.id).await;
    (snapshot, asked.expect("is asked"))
}

/// A worker whose lease has run out while it was frozen, or dead.
fn lose(shop: &Shop) {
    let lease = shop.house.settings.lease;
    shop.house.pass(lease + Duration::from_micros(1));
}

async fn assert_is_gone_once(shop: &Shop, id: OperationId) {
    assert_eq!(shop.snapshots().await, []);
    assert_eq!(shop.world.snapshots().await.expect("are listed"), []);
    let steps: Vec<_> = shop
        .events(id)
        .await
        .into_iter()
        .map(|event| event.step)
        .collect();
    for once in ["gone", "succeeded"] {
        let count = steps.iter().filter(|step| *step == once).count();
        assert_eq!(count, 1, "{once}: {steps:?}");
    }
}

on_both! {
    async fn a_snapshot_whose_end_was_written_and_never_committed_is_found_gone_and_its_end_is_written_once(house: House) {
        let shop = Shop::open(house).await;
        let (snapshot, asked) = to_be_deleted(&shop).await;
        let lease = shop.take_up("first").await;
        shop.delete_at_cloud(&snapshot).await;
        let mut session = shop.house.write().await;
        store::operations::step(&mut session, &lease, GONE).await.expect("records");
        store::snapshots::mark_destroyed(&mut session, snapshot.id).await.expect("marks");
        let done = OperationStatus::Succeeded;
        store::operations::finish(&mut session, &lease, done, None).await.expect("ends");
        drop(session);

        // The last step and the end are one transaction: of neither there is anything.
        let left = shop.operation(asked.id).await;
        assert_eq!((left.status, left.step.as_str()), (OperationStatus::Running, ""));
        assert_eq!(shop.snapshots().await[0].state, SnapshotState::Destroying);
        lose(&shop);
        let over = shop.work(asked.id).await;
        assert_eq!((over.status, over.attempt, over.error), (OperationStatus::Succeeded, 2, None));
        assert_is_gone_once(&shop, asked.id).await;
    }

    async fn a_worker_that_lost_its_lease_just_before_the_end_writes_nothing_any_more(house: House) {
        let shop = Shop::open(house).await;
        let (snapshot, asked) = to_be_deleted(&shop).await;
        let first = shop.take_up("first").await;
        shop.delete_at_cloud(&snapshot).await;
        assert!(shop.may_write(&first).await);
        lose(&shop);
        let second = shop.take_up("second").await;
        assert_eq!(second.id, asked.id);
        assert!(!shop.may_write(&first).await, "another has it");
        assert!(shop.may_write(&second).await);
        lose(&shop);
        let over = shop.work(asked.id).await;
        assert_eq!((over.status, over.attempt, over.error), (OperationStatus::Succeeded, 3, None));
        for late in [&first, &second] {
            let late: &Lease = late;
            assert!(!shop.may_write(late).await, "it is over");
        }
        assert_is_gone_once(&shop, asked.id).await;
    }
}
