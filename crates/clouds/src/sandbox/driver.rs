//! The driver: each verb of the trait as a change of the truth.
//!
//! Called through the registry. What must stay true: every method begins with a [`Method`], so that none escapes the
//! budget, the faults and the count. There is no stream of changes, as on EC2: whoever must see what happens behind
//! its back has to look.

use std::time::Duration;

use async_trait::async_trait;
use domain::offer::Capacity;
use domain::{Image, Plan, Region};
use secrecy::{ExposeSecret, SecretString};

use super::call::Method;
use super::region::{Sandbox, shown};
use super::{creation, extras, guest, rows};
use crate::cloud::{
    Cloud, CloudError, CloudResult, CreateInstance, ErrorClass, GroupRef, Guest, Instance,
    InstanceRef, Offer, PreviewedCall, Snapshot, Tag, Traffic, Until,
};
use crate::password;

#[async_trait]
impl Cloud for Sandbox {
    fn guest(&self) -> Guest {
        Guest::Simulated
    }

    /// By the fault in force, which is read as no call: for a real cloud this is a constant.
    async fn settling(&self) -> Duration {
        let faults = self.truth.faults().await.unwrap_or_default();
        Duration::from_millis(faults.visible_after_ms)
    }

    async fn check(&self) -> CloudResult<()> {
        let (call, _) = self.begin(Method::reading("check")).await?;
        call.carry(async { Ok(()) }).await
    }

    async fn offer(&self) -> CloudResult<Offer> {
        let region = Region {
            slug: self.region.clone(),
            name: "Sandbox (simulated)".to_owned(),
            endpoint: "localhost".to_owned(),
            country: String::new(),
            open: true,
        };
        let offer = Offer {
            regions: vec![region],
            ..Offer::default()
        };
        let (call, _) = self.begin(Method::reading("offer")).await?;
        call.carry(async { Ok(offer) }).await
    }

    async fn create(&self, request: &CreateInstance) -> CloudResult<Instance> {
        let (call, faults) = self.begin(Method::changing("create")).await?;
        call.carry(async {
            self.must_be_here(&request.region)?;
            let mut change = self.truth.change().await?;
            let machine = creation::create(&mut change, request, &faults).await?;
            let instance = machine.instance(change.now);
            change.commit().await?;
            Ok(instance)
        })
        .await
    }

    async fn find(&self, region: &str, tag: &Tag) -> CloudResult<Vec<Instance>> {
        let (call, _) = self.begin(Method::reading("find")).await?;
        call.carry(async {
            self.must_be_here(region)?;
            let (mut on, now) = (self.truth.read().await?, self.truth.now());
            let machines = rows::find(&mut on, region, tag, now).await?;
            Ok(machines
                .iter()
                .map(|machine| machine.instance(now))
                .collect())
        })
        .await
    }

    async fn get(&self, at: &InstanceRef) -> CloudResult<Instance> {
        let (machine, now) = self.see("get", at).await?;
        Ok(machine.instance(now))
    }

    async fn list(&self, region: &str, installation: &str) -> CloudResult<Vec<Instance>> {
        let (call, _) = self.begin(Method::reading("list")).await?;
        call.carry(async {
            self.must_be_here(region)?;
            let (mut on, now) = (self.truth.read().await?, self.truth.now());
            let machines = rows::list(&mut on, region, installation, now).await?;
            Ok(machines
                .iter()
                .map(|machine| machine.instance(now))
                .collect())
        })
        .await
    }

    async fn start(&self, at: &InstanceRef) -> CloudResult<()> {
        self.alter("start", at, |machine, now, faults| {
            machine.must_live()?;
            machine.must_be_startable(faults)?;
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
        self.alter("retire", at, |machine, _, faults| {
            machine.rename(name, faults)
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

    async fn preview_create(&self, requests: &[CreateInstance]) -> CloudResult<Vec<PreviewedCall>> {
        let calls = requests.iter().map(|request| {
            let (name, plan, image) = (&request.name, &request.plan.slug, &request.image.slug);
            PreviewedCall::new("create", format!("makes {name}: {plan}, from {image}"))
        });
        Ok(calls.collect())
    }

    async fn preview_destroy(
        &self,
        instances: &[InstanceRef],
        _group: Option<&GroupRef>,
    ) -> CloudResult<Vec<PreviewedCall>> {
        let calls = instances.iter().flat_map(|at| {
            [
                PreviewedCall::new("retire", format!("gives {} its last name", at.id)),
                PreviewedCall::new("destroy", format!("destroys {}", at.id)),
            ]
        });
        Ok(calls.collect())
    }

    async fn preview_adopt(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        let does = format!("notes on {} whose it is", at.id);
        Ok(vec![PreviewedCall::new("adopt", does)])
    }

    async fn adopt(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        self.alter("adopt", at, |machine, _, _| {
            machine.must_live()?;
            machine.tag = Some(tag.clone());
            Ok(())
        })
        .await
    }

    async fn preview_release(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        let does = format!("forgets whose {} is", at.id);
        Ok(vec![PreviewedCall::new("release", does)])
    }

    async fn release(&self, at: &InstanceRef) -> CloudResult<()> {
        self.alter("release", at, |machine, _, _| {
            machine.must_live()?;
            machine.tag = None;
            Ok(())
        })
        .await
    }

    async fn resize(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        self.alter("resize", at, |machine, now, faults| {
            machine.must_live()?;
            machine.resize(plan, now, faults)
        })
        .await
    }

    async fn rebuild(
        &self,
        at: &InstanceRef,
        image: &Image,
        user_data: &str,
        nesting: bool,
        mark: &str,
    ) -> CloudResult<()> {
        let (call, faults) = self.begin(Method::changing("rebuild")).await?;
        call.carry(async {
            let mut change = self.truth.change().await?;
            let mut machine = change.shown(at).await?;
            machine.must_live()?;
            if !change.bear(machine.serial, mark).await? {
                return Ok(());
            }
            machine.install(image, change.now, &faults);
            change.save(&machine).await?;
            let serial = machine.serial;
            change.set_first_words(serial, user_data, nesting).await?;
            change.commit().await
        })
        .await
    }

    async fn set_password(
        &self,
        at: &InstanceRef,
        user: &str,
        password_hash: &SecretString,
    ) -> CloudResult<()> {
        let (call, _) = self.begin(Method::changing("set_password")).await?;
        call.carry(async {
            let hash = password_hash.expose_secret();
            password::check(user, hash)?;
            let kept = extras::hash_of(hash);
            let mut change = self.truth.change().await?;
            let machine = change.shown(at).await?;
            machine.must_run(change.now)?;
            change.set_password(machine.serial, user, &kept).await?;
            change.commit().await
        })
        .await
    }

    async fn create_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let (call, _) = self.begin(Method::changing("create_snapshot")).await?;
        call.carry(async {
            let mut change = self.truth.change().await?;
            let machine = change.shown(at).await?;
            machine.must_live()?;
            change.take(machine.serial, &machine.disk, name).await?;
            change.commit().await
        })
        .await
    }

    async fn snapshots(&self, at: &InstanceRef) -> CloudResult<Vec<Snapshot>> {
        let (call, faults) = self.begin(Method::reading("snapshots")).await?;
        call.carry(async {
            let mut on = self.truth.read().await?;
            let now = self.truth.now();
            let machine = shown(rows::machine(&mut on, at).await?, at, now)?;
            extras::snapshots(&mut on, machine.serial, &faults).await
        })
        .await
    }

    async fn restore_snapshot(&self, at: &InstanceRef, name: &str, mark: &str) -> CloudResult<()> {
        let (call, faults) = self.begin(Method::changing("restore_snapshot")).await?;
        call.carry(async {
            let mut change = self.truth.change().await?;
            let mut machine = change.shown(at).await?;
            machine.must_live()?;
            if !change.bear(machine.serial, mark).await? {
                return Ok(());
            }
            let disk = change.snapshot_disk(machine.serial, name).await?;
            machine.exchange(disk, change.now, &faults);
            change.save(&machine).await?;
            change.commit().await
        })
        .await
    }

    async fn destroy_snapshot(&self, at: &InstanceRef, name: &str) -> CloudResult<()> {
        let (call, _) = self.begin(Method::changing("destroy_snapshot")).await?;
        call.carry(async {
            let mut change = self.truth.change().await?;
            let machine = change.shown(at).await?;
            change.drop_snapshot(machine.serial, name).await?;
            change.commit().await
        })
        .await
    }

    async fn disk_usage(&self, at: &InstanceRef) -> CloudResult<Option<u64>> {
        let (call, faults) = self.begin(Method::reading("disk_usage")).await?;
        call.carry(async {
            let mut on = self.truth.read().await?;
            let now = self.truth.now();
            let machine = shown(rows::machine(&mut on, at).await?, at, now)?;
            Ok(Some(guest::disk_usage(&machine.disk, &faults)))
        })
        .await
    }

    async fn capacity(&self) -> CloudResult<Option<Capacity>> {
        let (call, faults) = self.begin(Method::reading("capacity")).await?;
        call.carry(async { Ok(Some(faults.capacity())) }).await
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
        let (call, faults) = self.begin(Method::reading("guest_report")).await?;
        call.carry(async {
            let mut on = self.truth.read().await?;
            let now = self.truth.now();
            let machine = shown(rows::machine(&mut on, at).await?, at, now)?;
            if machine.must_run(now).is_err() {
                let message = "the server's system is not up";
                return Err(CloudError::new(ErrorClass::Unavailable, message));
            }
            let user_data = rows::user_data(&mut on, machine.serial).await?;
            Ok(guest::report(&machine, &user_data, &faults.fail_package))
        })
        .await
    }

    async fn wait(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        self.wait_until(at, until, timeout).await
    }
}
