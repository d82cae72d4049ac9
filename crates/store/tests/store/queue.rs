//! What the queue promises, on both databases.

use std::time::Duration;

use crate::common::{self, on_both};
use domain::ErrorKind;
use domain::operation::{Operation, OperationKind, OperationStatus};
use store::operations::{Lease, Step};

const STEP: Step<'static> = Step {
    name: "create",
    percent: 10,
    message: "creating",
};

fn lease(operation: &Operation, owner: &str) -> Lease {
    Lease {
        id: operation.id,
        owner: owner.to_owned(),
        fence: operation.fence,
    }
}

on_both! {
    async fn one_server_has_one_running_operation_and_the_others_wait_in_order(world: World) {
        let server = world.server(None, "web").await;
        let first = world.operation(&server, OperationKind::CreateServer, "lane").await;
        let second = world.operation(&server, OperationKind::StopServer, "lane").await;
        let claimed = world.claim("a", 10).await;
        assert_eq!(claimed.iter().map(|operation| operation.id).collect::<Vec<_>>(), [first.id]);
        assert!(world.claim("b", 10).await.is_empty(), "the second was claimed while the first runs");
        let mut session = world.write().await;
        let done = OperationStatus::Succeeded;
        store::operations::finish(&mut session, &lease(&claimed[0], "a"), done, None).await.expect("ends");
        session.commit().await.expect("commits");
        assert_eq!(world.claim("b", 10).await[0].id, second.id);
    }

    async fn a_worker_whose_lease_ran_out_can_write_nothing(world: World) {
        let server = world.server(None, "web").await;
        world.operation(&server, OperationKind::CreateServer, "lane").await;
        let old = lease(&world.claim("a", 1).await[0], "a");
        world.pass(Duration::from_secs(11));
        let taken = world.claim("b", 1).await;
        assert_eq!(taken.len(), 1, "the lease ran out and nobody could take over");
        let mut session = world.write().await;
        let at = session.now();
        let refused = [
            store::operations::step(&mut session, &old, STEP).await,
            store::operations::finish(&mut session, &old, OperationStatus::Failed, Some("x")).await,
            store::operations::retry_at(&mut session, &old, at, "x").await,
            store::operations::set_output(&mut session, &old, &serde_json::json!({})).await,
        ];
        for refused in refused {
            assert_eq!(refused.expect_err("is refused").kind(), ErrorKind::Conflict);
        }
        store::operations::step(&mut session, &lease(&taken[0], "b"), STEP).await.expect("the new one writes");
    }

    async fn the_same_owner_after_a_new_claim_has_a_new_fence(world: World) {
        let server = world.server(None, "web").await;
        world.operation(&server, OperationKind::CreateServer, "lane").await;
        let old = lease(&world.claim("a", 1).await[0], "a");
        let mut session = world.write().await;
        let now = session.now();
        store::operations::retry_at(&mut session, &old, now, "again").await.expect("put back");
        session.commit().await.expect("committed");
        assert_eq!(world.claim("a", 1).await.len(), 1);
        let mut session = world.write().await;
        assert!(store::operations::step(&mut session, &old, STEP).await.is_err());
    }

    async fn an_owner_does_not_claim_what_it_holds_when_its_own_lease_has_run_out(world: World) {
        let server = world.server(None, "web").await;
        world.operation(&server, OperationKind::CreateServer, "lane").await;
        let held = lease(&world.claim("a", 1).await[0], "a");
        world.pass(Duration::from_secs(11));
        assert!(world.claim("a", 1).await.is_empty());
        let mut session = world.write().await;
        store::operations::step(&mut session, &held, STEP).await.expect("it goes on");
    }

    async fn a_renewed_lease_does_not_run_out(world: World) {
        let server = world.server(None, "web").await;
        world.operation(&server, OperationKind::CreateServer, "lane").await;
        world.claim("a", 1).await;
        for _ in 0..3 {
            world.pass(Duration::from_secs(8));
            let mut session = world.write().await;
            let held = store::operations::renew(&mut session, "a", Duration::from_secs(10)).await.expect("renews");
            assert_eq!(held.len(), 1);
            session.commit().await.expect("commits");
            assert!(world.claim("b", 1).await.is_empty());
        }
    }

    async fn what_is_put_off_is_not_claimed_before_its_time(world: World) {
        let server = world.server(None, "web").await;
        world.operation(&server, OperationKind::CreateServer, "lane").await;
        let claimed = world.claim("a", 1).await;
        let mut session = world.write().await;
        let at = session.now().plus(Duration::from_secs(5));
        store::operations::retry_at(&mut session, &lease(&claimed[0], "a"), at, "throttled").await.expect("waits");
        session.commit().await.expect("commits");
        assert!(world.claim("a", 1).await.is_empty());
        let next = store::operations::next_ready(&mut world.read().await).await.expect("answers");
        assert_eq!(next, Some(at));
        world.pass(Duration::from_secs(5));
        let again = world.claim("a", 1).await;
        assert_eq!((again[0].attempt, again[0].fence), (2, 2));
    }

    async fn the_time_of_an_operation_counts_from_when_it_was_taken_up(world: World) {
        let server = world.server(None, "web").await;
        let queued = world.operation(&server, OperationKind::StopServer, "lane").await;
        assert_eq!(queued.deadline, None);
        world.pass(Duration::from_hours(1));
        let claimed = world.claim("a", 1).await;
        let deadline = claimed[0].deadline.expect("it has one");
        assert_eq!(deadline.since(world.read().await.now()), Duration::from_mins(10));
    }

    async fn events_are_numbered_without_gaps_and_end_with_the_outcome(world: World) {
        let server = world.server(None, "web").await;
        let operation = world.operation(&server, OperationKind::CreateServer, "lane").await;
        let held = lease(&world.claim("a", 1).await[0], "a");
        let mut session = world.write().await;
        store::operations::step(&mut session, &held, STEP).await.expect("steps");
        let failed = OperationStatus::Failed;
        store::operations::finish(&mut session, &held, failed, Some("no room")).await.expect("ends");
        session.commit().await.expect("commits");
        let events = store::operations::events(&mut world.read().await, operation.id).await.expect("reads");
        let steps: Vec<_> = events.iter().map(|event| (event.seq, event.step.as_str())).collect();
        assert_eq!(steps, [(1, "queued"), (2, "create"), (3, "failed")]);
        assert_eq!(events[2].message, "no room");
    }

    async fn calling_off_ends_what_waits_and_marks_what_runs(world: World) {
        let server = world.server(None, "web").await;
        let running = world.operation(&server, OperationKind::CreateServer, "lane").await;
        let waiting = world.operation(&server, OperationKind::StopServer, "lane").await;
        world.claim("a", 1).await;
        let mut session = world.write().await;
        store::operations::cancel_of_server(&mut session, server.id, "deleted").await.expect("calls off");
        session.commit().await.expect("commits");
        let organisation = world.actor.organisation.id;
        let mut session = world.read().await;
        let waiting = store::operations::by_id(&mut session, organisation, waiting.id).await.expect("reads");
        assert_eq!(waiting.status, OperationStatus::Cancelled);
        let now = store::operations::by_id(&mut session, organisation, running.id).await.expect("reads");
        assert_eq!((now.status, now.cancel_requested), (OperationStatus::Running, true));
        assert_eq!(store::operations::cancelled(&mut session, "a").await.expect("reads"), [running.id]);
    }

    async fn a_lane_is_claimed_by_itself(world: World) {
        let (one, two) = (world.server(None, "one").await, world.server(None, "two").await);
        world.operation(&one, OperationKind::CreateServer, "lane").await;
        let other = world.operation(&two, OperationKind::CreateServer, "other").await;
        let lanes = store::operations::ready_lanes(&mut world.read().await).await.expect("reads");
        let mut names: Vec<_> = lanes.iter().map(|lane| lane.lane.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["lane", "other"]);
        let claimed = world.claim("a", 10).await;
        assert!(claimed.iter().all(|operation| operation.id != other.id));
    }
}

/// Only PostgreSQL has several writers.
#[tokio::test]
async fn workers_that_claim_at_once_get_different_operations() {
    let world = common::World::new(testkit::Database::postgres().await).await;
    for number in 0..40 {
        let server = world.server(None, &format!("s{number}")).await;
        world
            .operation(&server, OperationKind::CreateServer, "lane")
            .await;
    }
    let workers = (0..8).map(|worker| {
        let store = world.store.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            loop {
                let mut session = store.write().await.expect("a session");
                let owner = worker.to_string();
                let lease = Duration::from_secs(10);
                let claimed = store::operations::claim(&mut session, "lane", &owner, lease, 3)
                    .await
                    .expect("claims");
                session.commit().await.expect("commits");
                if claimed.is_empty() {
                    return ids;
                }
                ids.extend(claimed.iter().map(|operation| operation.id));
            }
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.expect("claims"));
    }
    all.sort();
    let claimed = all.len();
    all.dedup();
    assert_eq!((claimed, all.len()), (40, 40));
}

#[tokio::test]
async fn what_is_queued_at_one_replica_wakes_the_other() {
    let world = common::World::new(testkit::Database::postgres().await).await;
    let other = world.replica().await;
    let mut changes = other.changes();
    let server = world.server(None, "web").await;
    // The listener connects in the background: queue until it hears.
    let heard = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            world
                .operation(&server, OperationKind::StopServer, "lane")
                .await;
            if tokio::time::timeout(Duration::from_millis(200), changes.changed())
                .await
                .is_ok()
            {
                return;
            }
        }
    });
    heard.await.expect("the other replica hears of it");
}
