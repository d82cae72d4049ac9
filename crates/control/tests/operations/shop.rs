//! A customer with a server that runs at the simulated cloud, a worker that does what a test says, and one that works.

use std::time::Duration;

use clouds::sandbox::World;
use clouds::{InstanceRef, Tag};
use control::operations::Runner;
use domain::operation::{Operation, OperationEvent};
use domain::server::{Power, Server, Setup};
use domain::snapshot::Snapshot;
use domain::{ErrorKind, OperationId};
use store::operations::{Lease, Step};
use store::servers::Sight;
use testkit::wait;
use tokio_util::sync::CancellationToken;

use crate::common::{Customer, House, REGION, asked_for, plan};

/// How long a test waits for a runner.
const PATIENCE: Duration = Duration::from_secs(60);

/// The house, and what is sold there.
pub(crate) struct Shop {
    pub(crate) house: House,
    pub(crate) customer: Customer,
    pub(crate) server: Server,
    pub(crate) world: World,
}

impl Shop {
    pub(crate) async fn open(house: House) -> Self {
        let sandbox = house.settings.sandbox.as_ref().expect("there is one");
        let world = World::open(sandbox).await.expect("opens");
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let mut session = house.write().await;
        let server = asked_for(&mut session, &customer, &plan(10, 1000)).await;
        let tag = Tag {
            installation: house.app.installation.clone(),
            token: server.token.clone(),
        };
        let instance = world.add(REGION, &server.cloud_name, Some(&tag)).await;
        let sight = Sight {
            cloud_id: Some(instance.expect("is made").id),
            ..Sight::of(Power::Running)
        };
        let seen = store::servers::observe(&mut session, server.id, &sight).await;
        seen.expect("observes");
        let ready = store::servers::set_setup(&mut session, server.id, Setup::Ready, None).await;
        ready.expect("writes");
        session.commit().await.expect("commits");
        let server = house.seen(&server).await;
        Self {
            house,
            customer,
            server,
            world,
        }
    }

    /// What the cloud really shows of the server: `running`, `stopped`; nothing where it has none.
    pub(crate) async fn state(&self) -> Option<&'static str> {
        let instances = self.world.instances().await.expect("are listed");
        let mut own = instances
            .iter()
            .filter(|instance| instance.token.as_ref() == Some(&self.server.token));
        own.next().map(|instance| instance.state)
    }

    /// A worker takes up what is next, and holds it until its lease runs out.
    pub(crate) async fn take_up(&self, worker: &str) -> Lease {
        // A transaction that was dropped a moment ago may not be rolled back yet; what it holds nobody is given.
        let claimed = wait::until("an operation", PATIENCE, || self.claim(worker)).await;
        Lease {
            id: claimed.id,
            owner: worker.to_owned(),
            fence: claimed.fence,
        }
    }

    async fn claim(&self, worker: &str) -> Option<Operation> {
        let mut session = self.house.write().await;
        let lanes = store::operations::ready_lanes(&mut session).await;
        let lanes = lanes.expect("are known");
        let lane = &lanes.first()?.lane;
        let lease = self.house.settings.lease;
        let claimed = store::operations::claim(&mut session, lane, worker, lease, 1).await;
        session.commit().await.expect("commits");
        claimed.expect("claims").pop()
    }

    /// A worker deletes a snapshot at the cloud.
    pub(crate) async fn delete_at_cloud(&self, snapshot: &Snapshot) {
        let account = self
            .house
            .app
            .account(&self.customer.provider, REGION)
            .await;
        let at = InstanceRef {
            region: REGION.to_owned(),
            id: self.server.cloud_id.clone().expect("is known"),
        };
        let cloud = account.expect("opens").cloud;
        let deleted = cloud.destroy_snapshot(&at, &snapshot.cloud_name).await;
        deleted.expect("deletes");
    }

    /// A runner works until that operation is over.
    pub(crate) async fn work(&self, id: OperationId) -> Operation {
        let shutdown = CancellationToken::new();
        let runner = Runner::new(self.house.app.clone());
        let working = tokio::spawn(runner.run(shutdown.clone()));
        let mut changes = self.house.app.store.changes();
        let over = async {
            loop {
                changes.mark_unchanged();
                let operation = self.operation(id).await;
                if operation.status.is_final() {
                    return operation;
                }
                changes.changed().await.expect("somebody tells");
            }
        };
        let operation = tokio::time::timeout(PATIENCE, over).await;
        shutdown.cancel();
        working.await.expect("ends");
        operation.expect("it is over some time")
    }

    pub(crate) async fn operation(&self, id: OperationId) -> Operation {
        let organisation = self.customer.actor.organisation.id;
        store::operations::by_id(&mut self.house.read().await, organisation, id)
            .await
            .expect("is there")
    }

    pub(crate) async fn events(&self, id: OperationId) -> Vec<OperationEvent> {
        store::operations::events(&mut self.house.read().await, id)
            .await
            .expect("are known")
    }

    pub(crate) async fn snapshots(&self) -> Vec<Snapshot> {
        control::servers::snapshots::list(&self.house.app, &self.customer.actor)
            .await
            .expect("are listed")
    }

    /// Whether a worker that has this lease may still record a step.
    pub(crate) async fn may_write(&self, lease: &Lease) -> bool {
        let step = Step {
            name: "late",
            percent: 99,
            message: "late",
        };
        let mut session = self.house.write().await;
        match store::operations::step(&mut session, lease, step).await {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                false
            }
        }
    }
}
