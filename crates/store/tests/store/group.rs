//! What writing together promises, on both databases.

use domain::operation::OperationKind;
use domain::{ErrorKind, Result};
use futures::FutureExt;
use futures::future::join_all;
use store::operations::{Lease, Step};

use crate::common::{World, on_both};

impl World {
    /// So many operations, each in a worker's hands.
    async fn in_hand(&self, count: usize) -> Vec<Lease> {
        for number in 0..count {
            let server = self.server(None, &format!("web-{number}")).await;
            self.operation(&server, OperationKind::CreateServer, "lane")
                .await;
        }
        let claimed = self.claim("a", count).await;
        let lease = |operation: &domain::operation::Operation| Lease {
            id: operation.id,
            owner: "a".to_owned(),
            fence: operation.fence,
        };
        claimed.iter().map(lease).collect()
    }

    async fn step(&self, lease: &Lease) -> Result<()> {
        let lease = lease.clone();
        let write = self.store.write_together(Box::new(move |session| {
            let lease = lease.clone();
            Box::pin(async move {
                let step = Step {
                    name: "create",
                    percent: 10,
                    message: "creating",
                };
                store::operations::step(session, &lease, step).await
            })
        }));
        write.await
    }

    /// How often each of them has taken that step.
    async fn steps(&self, leases: &[Lease]) -> Vec<usize> {
        let mut session = self.store.read().await.expect("a session");
        let mut steps = Vec::new();
        for lease in leases {
            let events = store::operations::events(&mut session, lease.id)
                .await
                .expect("reads");
            steps.push(events.iter().filter(|event| event.step == "create").count());
        }
        steps
    }
}

on_both! {
    async fn what_many_write_at_once_is_there_when_they_are_told_so(world: World) {
        let leases = world.in_hand(100).await;
        let written = join_all(leases.iter().map(|lease| world.step(lease))).await;
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        assert_eq!(world.steps(&leases).await, vec![1; 100]);
    }

    async fn what_many_write_at_once_is_few_transactions_on_sqlite(world: World) {
        let leases = world.in_hand(100).await;
        let changes = world.store.changes();
        let before = *changes.borrow();
        // While this is held, the others gather.
        let held = world.write().await;
        let mut writing: Vec<_> = leases.iter().map(|lease| Box::pin(world.step(lease))).collect();
        for write in &mut writing {
            let _ = futures::poll!(write.as_mut());
        }
        drop(held);
        join_all(writing).await;
        let transactions = *changes.borrow() - before;
        // Each of them tells once: the first alone, and then up to 64 at a time.
        let is_sqlite = world.database.url().is_none();
        assert!(!is_sqlite || transactions <= 4, "{transactions}");
        assert_eq!(world.steps(&leases).await, vec![1; 100]);
    }

    async fn a_write_that_panics_takes_none_of_the_others_along(world: World) {
        let leases = world.in_hand(20).await;
        // While this is held, the others gather behind the first.
        let held = world.write().await;
        let mut writing: Vec<_> = leases.iter().map(|lease| Box::pin(world.step(lease))).collect();
        let _ = futures::poll!(writing[0].as_mut());
        let panics = world.store.write_together(Box::new(|_| Box::pin(async { panic!("as the test wants it") })));
        let mut panics = Box::pin(std::panic::AssertUnwindSafe(panics).catch_unwind());
        let _ = futures::poll!(panics.as_mut());
        for write in &mut writing[1..] {
            let _ = futures::poll!(write.as_mut());
        }
        drop(held);
        let (panicked, written) = tokio::join!(panics, join_all(writing));
        assert!(!matches!(panicked, Ok(Ok(()))), "it was written");
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        assert_eq!(world.steps(&leases).await, vec![1; 20]);
    }

    async fn a_write_that_fails_takes_none_of_the_others_along(world: World) {
        let mut leases = world.in_hand(20).await;
        leases[7].fence -= 1;
        let written = join_all(leases.iter().map(|lease| world.step(lease))).await;
        for (number, written) in written.into_iter().enumerate() {
            match written {
                Err(error) if number == 7 => assert_eq!(error.kind(), ErrorKind::Conflict),
                written => written.expect("writes"),
            }
        }
        let mut expected = vec![1; 20];
        expected[7] = 0;
        assert_eq!(world.steps(&leases).await, expected);
    }

    async fn whoever_stops_waiting_stops_nobody_else(world: World) {
        let leases = world.in_hand(20).await;
        // While this is held, nobody else writes on SQLite.
        let held = world.write().await;
        let mut writing: Vec<_> = leases.iter().map(|lease| Box::pin(world.step(lease))).collect();
        for write in &mut writing {
            let _ = futures::poll!(write.as_mut());
        }
        // Among them the first, whose turn it is.
        let staying = writing.split_off(5);
        drop(writing);
        drop(held);
        let written = join_all(staying).await;
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        assert_eq!(world.steps(&leases[5..]).await, vec![1; 15]);
    }
}
