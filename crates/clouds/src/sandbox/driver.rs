//! The driver: each verb of the trait as a change of the truth.
//!
//! Called through the registry. What must stay true: every method goes through [`Call`], so that none escapes the
//! budget, the faults and the count. There is no stream of changes, as on EC2: whoever must see what happens behind
//! its back has to look.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Image, Plan, Region, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::call::{Call, Method};
use super::faults::Faults;
use super::machine::Machine;
use super::truth::Truth;
use super::{creation, extras, guest, rows};
use crate::Budget;
use crate::cloud::{
    Cloud, CloudError, CloudResult, CreateInstance, ErrorClass, Guest, Instance, InstanceRef,
    Offer, Snapshot, Tag, Traffic, Until,
};

/// The longest that [`Cloud::wait`] goes without a look: others may change what it waits for.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_millis(500);

/// One region of the sandbox.
pub(super) struct Sandbox {
    truth: Arc<Truth>,
    region: String,
    budget: Budget,
}

// === impl Sandbox ===

impl Sandbox {
    pub(super) fn new(truth: Arc<Truth>, region: String, budget: Budget) -> Self {
        let region = if region.is_empty() { "sandbox".to_owned() } else { region };
        Self { truth, region, budget }
    }

    async fn begin(&self, method: Method) -> CloudResult<Call> {
        Call::begin(&self.truth, &self.budget, method).await
    }

    /// A call that changes one instance's row.
    async fn alter(
        &self,
        method: &'static str,
        at: &InstanceRef,
        alter: impl FnOnce(&mut Machine, Timestamp, &Faults) -> CloudResult<()> + Send,
    ) -> CloudResult<()> {
        let call = self.begin(Method::changing(method)).await?;
        let done = async {
            let mut change = self.truth.change().await?;
            let mut machine = change.shown(at).await?;
            alter(&mut machine, change.now, &call.faults)?;
            change.save(&machine).await?;
            change.commit().await
        };
        let done = done.await;
        call.end(done).await
    }

    /// A call that looks at one instance, which the API may not show (yet, or any more).
    async fn look(
        &self,
        method: &'static str,
        at: &InstanceRef,
    ) -> CloudResult<(Option<Machine>, Timestamp)> {
        let call = self.begin(Method::reading(method)).await?;
        let seen = async {
            let mut on = self.truth.read().await?;
            Ok((rows::machine(&mut on, at).await?, self.truth.now()))
        };
        let seen = seen.await;
        call.end(seen).await
    }

    /// A call that looks at one instance which the API shows.
    async fn see(
        &self,
        method: &'static str,
        at: &InstanceRef,
    ) -> CloudResult<(Machine, Timestamp)> {
        let (machine, now) = self.look(method, at).await?;
        let shown = machine.filter(|machine| machine.is_shown(now));
        shown.map(|machine| (machine, now)).ok_or_else(|| CloudError::not_found(at))
    }

    fn must_be_here(&self, region: &str) -> CloudResult<()> {
        if region == self.region {
            return Ok(());
        }
        let message = format!("the sandbox has the region {}, not {region}", self.region);
        Err(CloudError::new(ErrorClass::Rejected, message))
    }
}

#[async_trait]
impl Cloud for Sandbox {
    fn guest(&self) -> Guest {
        Guest::Simulated
    }

    async fn check(&self) -> CloudResult<()> {
        self.begin(Method::reading("check")).await?.end(Ok(())).await
    }

    async fn offer(&self) -> CloudResult<Offer> {
        let region = Region {
            slug: self.region.clone(),
            name: "Sandbox (simulated)".to_owned(),
            endpoint: "localhost".to_owned(),
            open: true,
        };
        let offer = Offer { regions: vec![region], ..Offer::default() };
        self.begin(Method::reading("offer")).await?.end(Ok(offer)).await
    }

    async fn create(&self, request: &CreateInstance) -> CloudResult<Instance> {
        let call = self.begin(Method::changing("create")).await?;
        let made = async {
            self.must_be_here(&request.region)?;
            let mut change = self.truth.change().await?;
            let machine = creation::create(&mut change, request, &call.faults).await?;
            let instance = machine.instance(change.now);
            change.commit().await?;
            Ok(instance)
        };
        let made = made.await;
        call.end(made).await
    }

    async fn find(&self, region: &str, tag: &Tag) -> CloudResult<Vec<Instance>> {
        let call = self.begin(Method::reading("find")).await?;
        let found = async {
            self.must_be_here(region)?;
            let (mut on, now) = (self.truth.read().await?, self.truth.now());
            let machines = rows::find(&mut on, region, tag, now).await?;
            Ok(machines.iter().map(|machine| machine.instance(now)).collect())
        };
        let found = found.await;
        call.end(found).await
    }

    async fn get(&self, at: &InstanceRef) -> CloudResult<Instance> {
        let (machine, now) = self.see("get", at).await?;
        Ok(machine.instance(now))
    }

    async fn list(&self, region: &str, installation: &str) -> CloudResult<Vec<Instance>> {
        let call = self.begin(Method::reading("list")).await?;
        let listed = async {
            self.must_be_here(region)?;
            let (mut on, now) = (self.truth.read().await?, self.truth.now());
            let machines = rows::list(&mut on, region, installation, now).await?;
            Ok(machines.iter().map(|machine| machine.instance(now)).collect())
        };
        let listed = listed.await;
        call.end(listed).await
    }

    async fn start(&self, at: &InstanceRef) -> CloudResult<()> {
        self.alter("start", at, |machine, now, faults| {
            machine.must_live()?;
            machine.start(now, faults);
            Ok(())
        })
        .await
    }

    async fn stop(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        self.alter("stop", at, |machine, now, faults| {
            machine.must_live()?;
            machine.stop(now, faults, force);
            Ok(())
        })
        .await
    }

    async fn reboot(&self, at: &InstanceRef) -> CloudResult<()> {
        self.alter("reboot", at, |machine, now, faults| {
            machine.must_live()?;
            machine.reboot(now, faults)
        })
        .await
    }

    async fn retire(&self, at: &InstanceRef, name: &str) -> CloudResult<InstanceRef> {
        self.alter("retire", at, |machine, _, _| {
            name.clone_into(&mut machine.name);
            Ok(())
        })
        .await?;
        Ok(at.clone())
    }

    async fn destroy(&self, at: &InstanceRef) -> CloudResult<()> {
        self.alter("destroy", at, |machine, now, faults| {
            machine.destroy(now, faults);
            Ok(())
        })
        .await
    }

    async fn adopt(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        self.alter("adopt", at, |machine, _, _| {
            machine.must_live()?;
            machine.tag = Some(tag.clone());
            Ok(())
        })
        .await
    }

    async fn resize(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        self.alter("resize", at, |machine, _, _| {
            machine.must_live()?;
            machine.resize(plan)
        })
        .await
    }

    async fn rebuild(&self, at: &InstanceRef, image: &Image, user_data: &str) -> CloudResult<()> {
        let call = self.begin(Method::changing("rebuild")).await?;
        let done = async {
            let mut change = self.truth.change().await?;
            let mut machine = change.shown(at).await?;
            machine.must_live()?;
            machine.install(image, change.now, &call.faults);
            change.save(&machine).await?;
            change.set_user_data(machine.serial, user_data).await?;
            change.commit().await
        };
        let done = done.await;
        call.end(done).await
    }

    async fn set_password(
        &self,
        at: &InstanceRef,
        user: &str,
        password: &SecretString,
    ) -> CloudResult<()> {
        let call = self.begin(Method::changing("set_password")).await?;
        let hash = extras::password_hash(password.expose_secret());
        let done = async {
            let mut change = self.truth.change().await?;
            let machine = change.shown(at).await?;
            machine.must_run(change.now)?;
            change.set_password(machine.serial, user, &hash).await?;
            change.commit().await
        };
        let done = done.await;
        call.end(done).await
    }

    async fn create_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let call = self.begin(Method::changing("create_snapshot")).await?;
        let done = async {
            let mut change = self.truth.change().await?;
            let machine = change.shown(at).await?;
            machine.must_live()?;
            change.take(machine.serial, &machine.disk, name).await?;
            change.commit().await
        };
        let done = done.await;
        call.end(done).await
    }

    async fn snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        let (machine, _) = self.see("snapshots", at).await?;
        extras::snapshots(&mut *self.truth.read().await?, machine.serial).await
    }

    async fn restore_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let call = self.begin(Method::changing("restore_snapshot")).await?;
        let done = async {
            let mut change = self.truth.change().await?;
            let mut machine = change.shown(at).await?;
            machine.must_live()?;
            let disk = change.snapshot_disk(machine.serial, name).await?;
            machine.exchange(disk, change.now, &call.faults);
            change.save(&machine).await?;
            change.commit().await
        };
        let done = done.await;
        call.end(done).await
    }

    async fn destroy_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let call = self.begin(Method::changing("destroy_snapshot")).await?;
        let done = async {
            let mut change = self.truth.change().await?;
            let machine = change.shown(at).await?;
            change.drop_snapshot(machine.serial, name).await?;
            change.commit().await
        };
        let done = done.await;
        call.end(done).await
    }

    async fn traffic(&self, at: &InstanceRef) -> CloudResult<Traffic> {
        let (machine, now) = self.see("traffic", at).await?;
        Ok(guest::traffic(&machine, now))
    }

    async fn console_log(&self, at: &InstanceRef) -> CloudResult<String> {
        let (machine, now) = self.see("console_log", at).await?;
        Ok(guest::console(&machine, now))
    }

    async fn guest_report(&self, at: &InstanceRef) -> CloudResult<Result<String, String>> {
        let call = self.begin(Method::reading("guest_report")).await?;
        let report = async {
            let mut on = self.truth.read().await?;
            let (machine, now) = (rows::machine(&mut on, at).await?, self.truth.now());
            let shown = machine.filter(|machine| machine.is_shown(now));
            let machine = shown.ok_or_else(|| CloudError::not_found(at))?;
            if machine.must_run(now).is_err() {
                let message = "the server's system is not up";
                return Err(CloudError::new(ErrorClass::Unavailable, message));
            }
            let user_data = rows::user_data(&mut on, machine.serial).await?;
            Ok(guest::report(&machine, &user_data, &call.faults.fail_package))
        };
        let report = report.await;
        call.end(report).await
    }

    /// Sleeps until the row's next change rather than asking again and again: a benchmark of a thousand servers
    /// should measure Arcus and not this. Unlike a real cloud, the sandbox knows what is not there yet from what will
    /// never be, so the latter is `NotFound` at once.
    async fn wait(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        let deadline = Instant::now() + timeout;
        loop {
            let (machine, now) = self.look("get", at).await?;
            let seen = match &machine {
                Some(machine) if machine.is_shown(now) => machine.instance(now),
                _ if until == Until::Gone => return Ok(Instance::gone(at)),
                Some(machine) if machine.visible_at > now => Instance::pending(at),
                _ => return Err(CloudError::not_found(at)),
            };
            if until.holds(&seen) {
                return Ok(seen);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(until.timed_out(timeout, seen.power));
            }
            let next = machine.and_then(|machine| machine.next_change(now));
            let pause = next.map_or(LOOK_AT_LEAST_EVERY, |next| next.since(now));
            tokio::time::sleep(pause.min(LOOK_AT_LEAST_EVERY).min(left)).await;
        }
    }
}
