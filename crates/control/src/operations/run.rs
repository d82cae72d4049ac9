//! One operation in the hands of a worker: its steps are written here, under its fence.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clouds::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Tag};
use domain::operation::Operation;
use domain::server::{Power, Server, Setup};
use domain::{Error, ErrorKind, Result, ServerId};
use serde_json::Value;
use store::Session;
use store::operations::{Lease, Step};
use store::servers::Sight;
use tokio_util::sync::CancellationToken;

use super::originals::Originals;
use super::request;
use crate::app::{Account, App};
use crate::metering;

/// Why an operation did not get to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// The cloud refused or could not answer; the table in `retry` decides.
    Cloud(CloudError),
    /// The account's credentials are not accepted any more: nothing is given up, and nothing done, until they are.
    Frozen(String),
    /// The database could not be used; the lease is left to run out, or renewed when it comes back.
    Store(Error),
    /// It can't be done; the words are for the user.
    Failed(String),
    /// Not now: nothing was tried. Again after this long, however late it is.
    Later(String, Duration),
    /// It was called off, or this process is shutting down.
    Interrupted,
    /// Another worker has it by now: write nothing.
    LostLease,
}

/// The transaction of an operation's last step, not committed yet: that the operation has succeeded is written with it, so
/// that a crash never leaves one that has done everything and is taken up again.
pub(super) type LastStep = Result<Session, Fault>;

/// What a cloud showed of an operation's server.
struct Seen {
    server: ServerId,
    sight: Sight,
    /// Whether it was not there before.
    is_new: bool,
}

/// One operation in a worker's hands.
pub(super) struct Run {
    pub(super) app: App,
    pub(super) operation: Operation,
    pub(super) lease: Lease,
    pub(super) server: Server,
    pub(super) account: Account,
    /// Cancelled when the operation is to stop at the next safe point.
    pub(super) stop: CancellationToken,
}

// === impl Fault ===

impl From<CloudError> for Fault {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        // The store speaks of a conflict only when the fence has moved on.
        if error.kind() == ErrorKind::Conflict {
            Self::LostLease
        } else {
            Self::Store(error)
        }
    }
}

// === impl Seen ===

impl Seen {
    /// Writes it to the server's row. What is there for the first time costs something from now on, and counts its traffic.
    async fn record(&self, session: &mut Session) -> Result<()> {
        store::servers::observe(session, self.server, &self.sight).await?;
        if self.is_new {
            store::servers::set_setup(session, self.server, Setup::Installing, None).await?;
            store::billing::begin(session, self.server).await?;
            store::traffic::begin(session, self.server).await?;
        }
        Ok(())
    }
}

// === impl Run ===

impl Run {
    /// Begins a transaction in which this step is recorded. Dropped uncommitted, nothing has happened.
    pub(super) async fn step(
        &self,
        name: &str,
        percent: i64,
        message: &str,
    ) -> Result<Session, Fault> {
        let mut session = self.app.store.write().await?;
        store::operations::step(
            &mut session,
            &self.lease,
            Step {
                name,
                percent,
                message,
            },
        )
        .await?;
        Ok(session)
    }

    /// Records a step by itself.
    pub(super) async fn note(
        &self,
        name: &'static str,
        percent: i64,
        message: &str,
    ) -> Result<(), Fault> {
        self.together(name, percent, message, None).await
    }

    /// Records a step, and what was seen with it, in one transaction with whatever other workers record just now.
    async fn together(
        &self,
        name: &'static str,
        percent: i64,
        message: &str,
        seen: Option<Seen>,
    ) -> Result<(), Fault> {
        let what = Arc::new((self.lease.clone(), message.to_owned(), seen));
        let write = self.app.store.write_together(Box::new(move |session| {
            let what = Arc::clone(&what);
            Box::pin(async move {
                let (lease, message, seen) = &*what;
                let step = Step {
                    name,
                    percent,
                    message,
                };
                store::operations::step(session, lease, step).await?;
                match seen {
                    Some(seen) => seen.record(session).await,
                    None => Ok(()),
                }
            })
        }));
        Ok(write.await?)
    }

    /// Begins a transaction in which this step is recorded together with what the cloud shows of the server now.
    pub(super) async fn seen(
        &self,
        name: &str,
        percent: i64,
        message: &str,
        instance: &Instance,
    ) -> Result<Session, Fault> {
        let mut session = self.step(name, percent, message).await?;
        self.sees(instance).record(&mut session).await?;
        Ok(session)
    }

    /// Records a step together with what the cloud shows of the server now.
    pub(super) async fn saw(
        &mut self,
        name: &'static str,
        percent: i64,
        message: &str,
        instance: &Instance,
    ) -> Result<(), Fault> {
        self.record(name, percent, message, instance).await?;
        self.knows(instance);
        Ok(())
    }

    /// Records a step together with what the cloud shows of the server now, which this operation goes on not
    /// [knowing](Self::knows).
    pub(super) async fn record(
        &self,
        name: &'static str,
        percent: i64,
        message: &str,
        instance: &Instance,
    ) -> Result<(), Fault> {
        let seen = Some(self.sees(instance));
        self.together(name, percent, message, seen).await
    }

    /// Takes over what the cloud shows of the server, once it is recorded.
    pub(super) fn knows(&mut self, instance: &Instance) {
        self.server.cloud_id = Some(instance.at.id.clone());
        self.server.power = instance.power;
        if self.server.setup == Setup::Creating {
            self.server.setup = Setup::Installing;
        }
        self.server.public_ip = instance.public_ip.clone().or(self.server.public_ip.take());
        self.server.private_ip = instance
            .private_ip
            .clone()
            .or(self.server.private_ip.take());
    }

    fn sees(&self, instance: &Instance) -> Seen {
        Seen {
            server: self.server.id,
            sight: sight(instance),
            is_new: self.server.setup == Setup::Creating,
        }
    }

    /// Records a step (its name, per cent and words) that changes the power, and what the operation answers: requests that
    /// asked for it are answered now.
    pub(super) async fn accepted(
        &mut self,
        (name, percent, message): (&str, i64, &str),
        power: Power,
        output: &Value,
    ) -> Result<(), Fault> {
        let mut session = self.step(name, percent, message).await?;
        let sight = Sight::of(power);
        store::servers::observe(&mut session, self.server.id, &sight).await?;
        store::operations::set_output(&mut session, &self.lease, output).await?;
        session.commit().await?;
        self.server.power = power;
        Ok(())
    }

    /// What an operation comes to whose account's credentials are not accepted any more. Where they are, and do not allow
    /// this one call, it is a refusal like others.
    pub(super) async fn unless_frozen(&self, ended: LastStep) -> LastStep {
        match ended {
            Err(Fault::Cloud(error)) if error.class == ErrorClass::Auth => {
                match self.account.cloud.check().await {
                    Ok(()) => Err(Fault::Cloud(error)),
                    Err(check) => Err(Fault::Frozen(frozen(&error, &check))),
                }
            }
            ended => ended,
        }
    }

    /// Whether the account's credentials are not accepted, whatever is asked for. Where the cloud doesn't say, as when so many
    /// refused calls have used up the limit of calls, nothing speaks for them.
    pub(super) async fn is_shut_out(&self) -> bool {
        self.account.cloud.check().await.is_err()
    }

    /// Waits for `work`, and gives up when the operation is to stop. Only for what may be dropped half-way: waits and
    /// reads, never a create.
    pub(super) async fn interruptible<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Fault::Interrupted),
            done = work => Ok(done),
        }
    }

    /// The server's tag.
    pub(super) fn tag(&self) -> Tag {
        request::tag(&self.app, &self.server)
    }

    /// The server's group at its cloud: its environment, or itself where it has none.
    pub(super) async fn group(&self, session: &mut Session) -> Result<String, Fault> {
        let environment = match self.server.environment_id {
            Some(id) => store::environments::public_id(session, id).await?,
            None => None,
        };
        Ok(match environment {
            Some(id) => request::group_of(&id),
            None => format!("server-{}", self.server.token),
        })
    }

    /// What this operation is to a cloud: the same at each try, and no other's, also in a database that went back to a
    /// backup and gives the same keys again.
    pub(super) fn mark(&self) -> String {
        format!("{}-{}", self.operation.id, self.operation.created_at.0)
    }

    /// The server's address at its cloud, once it is known.
    pub(super) fn at(&self) -> Option<InstanceRef> {
        let id = self.server.cloud_id.clone()?;
        Some(InstanceRef {
            region: self.account.region.clone(),
            id,
        })
    }

    /// The server's address, for what needs one.
    pub(super) fn existing(&self) -> Result<InstanceRef, Fault> {
        self.at().ok_or_else(|| {
            Fault::Failed(
                "the server was never made, so there is nothing to switch; delete it".to_owned(),
            )
        })
    }

    /// What the request named, by name.
    pub(super) fn input<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Fault> {
        let value = self.operation.input.get(name).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|error| {
            let lost = Error::internal(format!("the input {name} can't be read")).source(error);
            Fault::Store(lost)
        })
    }

    /// Reads the traffic of a server that runs, which is about to be switched off: its counters begin anew with its next
    /// start.
    pub(super) async fn sample(&self, seen: &Instance) -> Result<(), Fault> {
        if seen.power != Power::Running {
            return Ok(());
        }
        self.interruptible(metering::sample_one(&self.app, &self.account, &self.server))
            .await
    }

    /// Whether an earlier try has recorded this in the output.
    pub(super) fn has_done(&self, name: &str) -> bool {
        self.operation.output.get(name).is_some()
    }

    /// What the cloud shows of this very server. Where an id is a name, another one's instance may bear it by now; that
    /// one is not touched.
    pub(super) async fn get(&self, at: &InstanceRef) -> CloudResult<Instance> {
        let instance = self.account.cloud.get(at).await?;
        if instance.tag.as_ref() == Some(&self.tag()) {
            Ok(instance)
        } else {
            Err(CloudError::new(
                ErrorClass::NotFound,
                format!(
                    "what is called {} at the cloud is not this server; nothing was done to it",
                    at.id
                ),
            ))
        }
    }

    /// Looks for what an earlier try may have made: by the token, again and again for as long as the cloud may hide
    /// what is new. What was made after the making had ended is somebody's copy, and not meant.
    pub(super) async fn look(&self, patience: Duration) -> Result<Vec<Instance>, Fault> {
        let mut session = self.app.store.read().await?;
        let originals =
            Originals::of(&mut session, self.account.cloud.as_ref(), &self.server).await?;
        drop(session);
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let is_last = tokio::time::Instant::now() >= deadline;
            let tag = self.tag();
            let finding = self.account.cloud.find(&self.account.region, &tag);
            match self.interruptible(finding).await? {
                Ok(mut found) => {
                    found.retain(|instance| originals.include(instance) != Some(false));
                    if is_last || !found.is_empty() {
                        return Ok(found);
                    }
                }
                // Of many looks one may fail: that nothing is there is said by the last.
                Err(error) if !is_last && is_for_now(error.class) => {}
                Err(error) => return Err(error.into()),
            }
            self.interruptible(tokio::time::sleep(
                (patience / 8).max(Duration::from_millis(50)),
            ))
            .await?;
        }
    }
}

/// Whether the next look may be answered.
fn is_for_now(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Unavailable | ErrorClass::Throttled(_))
}

/// Why work waits whose credentials were not accepted: neither for it, nor for anything as far as could be seen.
fn frozen(error: &CloudError, check: &CloudError) -> String {
    let error = &error.message;
    if check.class == ErrorClass::Auth {
        format!("the credentials are not accepted; it goes on when they are: {error}")
    } else {
        let check = &check.message;
        format!(
            "the credentials were not accepted for it, and can't be checked for now ({check}); it goes on when they are \
             accepted: {error}"
        )
    }
}

/// What a cloud showed, for the row.
pub(crate) fn sight(instance: &Instance) -> Sight {
    Sight {
        cloud_id: Some(instance.at.id.clone()),
        power: instance.power,
        public_ip: instance.public_ip.clone(),
        private_ip: instance.private_ip.clone(),
        netmask: instance.network.netmask.clone(),
        gateway: instance.network.gateway.clone(),
        public_ipv6: instance.network.ipv6.clone(),
    }
}
