//! The runner: claims operations, keeps their leases, and has each worked on; `outcome` puts it where its end says.
//!
//! One per process; several processes share a PostgreSQL. It wakes when something was committed here or elsewhere,
//! when something waiting comes due, and once a second in any case.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouds::{CloudError, ErrorClass};
use domain::operation::{Operation, OperationKind};
use domain::{OperationId, OrganisationId, Result, random};
use store::operations::{Lease, ReadyLane};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outcome::Outcome;
use super::run::{Fault, LastStep, Run};
use super::{
    adopt_server, create_server, destroy_server, password, power, rebuild, resize, snapshots,
};
use crate::app::App;

/// The longest sleep between two looks.
const POLL: Duration = Duration::from_secs(1);

/// The shortest.
const SHORTEST: Duration = Duration::from_millis(5);

/// The longest pause after a look that took long.
const GATHER: Duration = Duration::from_millis(100);

/// How long running steps get to finish when the process is told to stop.
const DRAIN: Duration = Duration::from_secs(25);

/// Owns the workers of this process.
pub struct Runner {
    app: App,
    owner: String,
    held: Mutex<HashMap<OperationId, Worker>>,
    freed: Notify,
    // Held from a claim until its workers stand in `held`, so that a renewal never takes them for left behind.
    claiming: tokio::sync::Mutex<()>,
}

/// One running operation.
struct Worker {
    fence: i64,
    lane: String,
    organisation: OrganisationId,
    stop: CancellationToken,
}

/// A running operation's place among those held; given back however its task ends.
struct Place {
    runner: Arc<Runner>,
    id: OperationId,
    fence: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self
            .runner
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if held
            .get(&self.id)
            .is_some_and(|worker| worker.fence == self.fence)
        {
            held.remove(&self.id);
        }
        drop(held);
        self.runner.freed.notify_one();
    }
}

/// How many more operations may run here.
struct Room {
    free: usize,
    per_lane: usize,
    per_organisation: usize,
    lanes: HashMap<String, usize>,
    organisations: HashMap<OrganisationId, usize>,
}

// === impl Room ===

impl Room {
    fn held_by(&self, lane: &ReadyLane) -> usize {
        self.lanes.get(&lane.lane).copied().unwrap_or(0)
    }

    /// How many more of that lane.
    fn of(&self, lane: &ReadyLane) -> usize {
        let organisation = self.organisations.get(&lane.organisation).copied();
        self.free
            .min(self.per_lane.saturating_sub(self.held_by(lane)))
            .min(
                self.per_organisation
                    .saturating_sub(organisation.unwrap_or(0)),
            )
    }
}

// === impl Runner ===

impl Runner {
    /// A runner that has not begun.
    pub fn new(app: App) -> Self {
        Self {
            app,
            owner: random::hex::<8>(),
            held: Mutex::default(),
            freed: Notify::new(),
            claiming: tokio::sync::Mutex::default(),
        }
    }

    /// Works until `shutdown` is cancelled; then takes up nothing new, lets running steps finish or hand back their
    /// lease, and returns within half a minute.
    pub async fn run(self, shutdown: CancellationToken) {
        let runner = Arc::new(self);
        let heartbeat = tokio::spawn(Arc::clone(&runner).keep_leases());
        let mut tasks = JoinSet::new();
        let mut changes = runner.app.store.changes();
        while !shutdown.is_cancelled() {
            changes.mark_unchanged();
            let looking = Instant::now();
            let pause = match runner.claim(&mut tasks).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(
                        error = error.private(),
                        "the queue can't be read; trying again"
                    );
                    POLL
                }
            };
            // Under load something changes all the time; what comes in a moment is claimed together.
            tokio::time::sleep((looking.elapsed() * 2).min(GATHER)).await;
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = changes.changed() => {}
                () = runner.freed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            while tasks.try_join_next().is_some() {}
        }
        runner.drain(&mut tasks).await;
        heartbeat.abort();
    }

    async fn drain(&self, tasks: &mut JoinSet<()>) {
        for worker in self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            worker.stop.cancel();
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!(
                left = tasks.len(),
                "some steps did not finish in time; their leases will run out"
            );
            tasks.shutdown().await;
        }
    }

    /// Claims what there is room for; says how long there will be nothing to do.
    async fn claim(self: &Arc<Self>, tasks: &mut JoinSet<()>) -> Result<Duration> {
        if self.room().free == 0 {
            return Ok(POLL);
        }
        let mut session = self.app.store.read().await?;
        let mut lanes = store::operations::ready_lanes(&mut session).await?;
        let next = store::operations::next_ready(&mut session).await?;
        drop(session);
        // Who has least goes first, and nobody takes what is another's share.
        let room = self.room();
        lanes.sort_by_key(|lane| room.held_by(lane));
        let mut cut_short = false;
        for (index, lane) in lanes.iter().enumerate() {
            let room = self.room();
            let share = room.free.div_ceil(lanes.len() - index);
            let limit = room.of(lane).min(share);
            if limit == 0 {
                continue;
            }
            match self.claim_of(lane, limit, tasks).await {
                Ok(claimed) => cut_short |= claimed == limit && limit < room.of(lane),
                Err(error) => {
                    // What is wrong with one lane is not the others' business.
                    tracing::warn!(
                        lane = lane.lane,
                        error = error.private(),
                        "a lane can't be claimed from"
                    );
                }
            }
        }
        if cut_short && self.room().free > 0 {
            return Ok(SHORTEST);
        }
        let now = self.app.clock().now();
        let pause = next
            .filter(|next| *next > now)
            .map_or(POLL, |next| next.since(now));
        Ok(pause.clamp(SHORTEST, POLL))
    }

    async fn claim_of(
        self: &Arc<Self>,
        lane: &ReadyLane,
        limit: usize,
        tasks: &mut JoinSet<()>,
    ) -> Result<usize> {
        let _claiming = self.claiming.lock().await;
        let mut session = self.app.store.write().await?;
        let lease = self.app.settings.lease;
        let claimed =
            store::operations::claim(&mut session, &lane.lane, &self.owner, lease, limit).await?;
        session.commit().await?;
        let count = claimed.len();
        for operation in claimed {
            self.start(operation, tasks);
        }
        Ok(count)
    }

    fn room(&self) -> Room {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = &self.app.settings;
        let mut room = Room {
            free: settings.workers.saturating_sub(held.len()),
            per_lane: settings.workers_per_lane,
            // An organisation adds as many accounts as it likes: what they hold together is bounded as well.
            per_organisation: (settings.workers / 4).max(1),
            lanes: HashMap::new(),
            organisations: HashMap::new(),
        };
        for worker in held.values() {
            *room.lanes.entry(worker.lane.clone()).or_default() += 1;
            *room.organisations.entry(worker.organisation).or_default() += 1;
        }
        room
    }

    fn start(self: &Arc<Self>, operation: Operation, tasks: &mut JoinSet<()>) {
        let stop = CancellationToken::new();
        if operation.cancel_requested {
            stop.cancel();
        }
        let worker = Worker {
            fence: operation.fence,
            lane: operation.lane.clone(),
            organisation: operation.organisation_id,
            stop: stop.clone(),
        };
        let (id, fence) = (operation.id, operation.fence);
        let replaced = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, worker);
        // An older worker of this process, whose lease another had in between: it may write nothing any more.
        if let Some(replaced) = replaced {
            replaced.stop.cancel();
        }
        let place = Place {
            runner: Arc::clone(self),
            id,
            fence,
        };
        tasks.spawn(async move {
            place.runner.work(operation, stop).await;
            drop(place);
        });
    }

    /// Renews all leases; stops what was called off, and what is another worker's by now.
    async fn keep_leases(self: Arc<Self>) {
        let lease = self.app.settings.lease;
        let mut changes = self.app.store.changes();
        let mut renewed = Instant::now();
        loop {
            let due = (renewed + lease / 4).saturating_duration_since(Instant::now());
            // An error means only that nobody tells any more; the time-out is the fallback. Under load something is always
            // told: what is due comes first all the same.
            let told = !due.is_zero() && tokio::time::timeout(due, changes.changed()).await.is_ok();
            let looked = if told {
                self.look_for_cancels().await
            } else {
                self.renew().await
            };
            match looked {
                Ok(()) if !told => renewed = Instant::now(),
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(error = error.private(), "the leases can't be looked after");
                    if renewed.elapsed() > lease {
                        self.stop_where(|_, _| true);
                    }
                    tokio::time::sleep((lease / 16).min(POLL)).await;
                }
            }
            // Not more often than this, however much is committed.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn look_for_cancels(&self) -> Result<()> {
        if self.ids().is_empty() {
            return Ok(());
        }
        let mut session = self.app.store.read().await?;
        let cancelled = store::operations::cancelled(&mut session, &self.owner).await?;
        self.stop_where(|id, _| cancelled.contains(&id));
        Ok(())
    }

    async fn renew(&self) -> Result<()> {
        let _claiming = self.claiming.lock().await;
        let before = self.ids();
        let mut session = self.app.store.write().await?;
        let held =
            store::operations::renew(&mut session, &self.owner, self.app.settings.lease).await?;
        // Work that ended without its outcome being written (the database was away) is put back into the queue.
        for left in held.iter().filter(|held| !before.contains(&held.id)) {
            let lease = Lease {
                id: left.id,
                owner: self.owner.clone(),
                fence: left.fence,
            };
            let now = session.now();
            store::operations::retry_at(&mut session, &lease, now, "taken up again").await?;
        }
        session.commit().await?;
        self.stop_where(|id, fence| match held.iter().find(|held| held.id == id) {
            Some(held) => held.fence != fence || held.cancel_requested,
            None => before.contains(&id),
        });
        Ok(())
    }

    fn ids(&self) -> Vec<OperationId> {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .copied()
            .collect()
    }

    fn stop_where(&self, condition: impl Fn(OperationId, i64) -> bool) {
        for (id, worker) in self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            if condition(*id, worker.fence) {
                worker.stop.cancel();
            }
        }
    }

    async fn work(&self, operation: Operation, stop: CancellationToken) {
        let lease = Lease {
            id: operation.id,
            owner: self.owner.clone(),
            fence: operation.fence,
        };
        let ended = match self.prepare(&operation, &lease, stop).await {
            Ok(mut run) => {
                let organisation = operation.organisation_id.0;
                // Boxed: all kinds of work together are a large future.
                let work = Box::pin(async {
                    let ended = perform(&mut run).await;
                    run.unless_frozen(ended).await
                });
                clouds::budget::on_behalf_of(organisation, work).await
            }
            Err(fault) => Err(fault),
        };
        let outcome = Outcome {
            app: &self.app,
            operation: &operation,
            lease: &lease,
        };
        if let Err(error) = outcome.settle(ended).await {
            tracing::warn!(operation = %operation.id, error = error.private(), "its outcome can't be written; its lease will run out and it is taken up again");
        }
    }

    async fn prepare(
        &self,
        operation: &Operation,
        lease: &Lease,
        stop: CancellationToken,
    ) -> Result<Run, Fault> {
        if operation.cancel_requested {
            return Err(Fault::Interrupted);
        }
        let mut session = self.app.store.read().await?;
        let server =
            store::servers::by_id(&mut session, operation.organisation_id, operation.server_id)
                .await?;
        let provider =
            store::providers::by_id(&mut session, operation.organisation_id, server.provider_id)
                .await?;
        drop(session);
        // However late it is, it is tried once more: what an earlier try has done at the cloud is recorded then.
        let account = self
            .app
            .account(&provider, &server.region)
            .await
            .map_err(|error| {
                let message = error.message().to_owned();
                Fault::Cloud(CloudError::new(ErrorClass::Unavailable, message))
            })?;
        Ok(Run {
            app: self.app.clone(),
            operation: operation.clone(),
            lease: lease.clone(),
            server,
            account,
            stop,
        })
    }
}

async fn perform(run: &mut Run) -> LastStep {
    match run.operation.kind {
        OperationKind::CreateServer => create_server::run(run).await,
        OperationKind::AdoptServer => adopt_server::run(run).await,
        OperationKind::StartServer => power::start(run).await,
        OperationKind::StopServer => power::stop(run).await,
        OperationKind::RebootServer => power::reboot(run).await,
        OperationKind::DestroyServer => destroy_server::run(run).await,
        OperationKind::ChangePassword => password::change(run).await,
        OperationKind::ResizeServer => resize::resize(run).await,
        OperationKind::RebuildServer => rebuild::rebuild(run).await,
        OperationKind::RestoreSnapshot => snapshots::restore(run).await,
        OperationKind::CreateSnapshot => snapshots::create(run).await,
        OperationKind::DestroySnapshot => snapshots::destroy(run).await,
    }
}
