//! Changing what an instance is made of: its size, its system.
//!
//! What must stay true: everything that can be refused is looked at before the instance is switched off; what is refused
//! all the same leaves it as it was, running if it ran; the network address stays. The network interface stays by itself,
//! but a new system introduces itself to DHCP as another machine, so Incus is told to give it the address that it had.

use domain::{Image, Plan};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::copy::COPIED;
use super::create::{CPUS, NESTING, USER_DATA, limits, size};
use super::errors::{is_final, needs_a_stop};
use super::marks::{BEGUN, MARK};
use super::operations::DOWNLOAD_LIMIT;
use super::power::STOPPED;
use super::{Incus, names, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

// === impl Incus ===

impl Incus {
    pub(super) async fn resize_instance(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        let instance = self.describe(at).await?;
        self.check_it_fits(at, &instance, plan).await?;
        let mut body = json!({ "config": limits(plan) });
        if let Some((name, root)) = instance.root_disk() {
            let mut root = root.clone();
            size(&mut root, plan);
            body["devices"] = json!({ name: root });
        }
        self.apply(&instance, body).await
    }

    /// Changes an instance while it runs, where Incus can do that, and else switches it off for it, and leaves it off.
    ///
    /// Processors and memory of a container change while it runs; those of a virtual machine do within the bounds that it
    /// was started with. A disk does where the pool can do that. Where it can't, Incus says yes and means the next start,
    /// which then fails if the pool refuses; so that is taken back, and done while it is off.
    pub(super) async fn apply(&self, instance: &wire::Instance, body: Value) -> CloudResult<()> {
        let is_put_off = match self.patch_limits(instance, body.clone()).await {
            Err(error) if instance.status != STOPPED && needs_a_stop(&error) => {
                tracing::info!(instance = instance.name, %error, "it is switched off to be changed");
                false
            }
            Ok(()) if self.is_put_off(instance, &body).await? => true,
            applied => return applied,
        };
        self.shut_down(instance).await?;
        let applied = async {
            if is_put_off {
                self.patch(instance, as_it_was(instance, &body)).await?;
            }
            self.patch_limits(instance, body).await
        };
        let applied = applied.await;
        if applied.as_ref().is_err_and(is_final) {
            self.switch_on(&instance.name).await?;
        }
        applied
    }

    /// Whether Incus has put a change of the root disk off until the next start.
    async fn is_put_off(&self, before: &wire::Instance, body: &Value) -> CloudResult<bool> {
        let root = before.root_disk().map(|(name, _)| name);
        let Some(root) = root.filter(|root| body["devices"].get(root).is_some()) else {
            return Ok(false);
        };
        if before.status == STOPPED {
            return Ok(false);
        }
        let path = ["instances", before.name.as_str()];
        let after: wire::Instance = self.client.get(&path).await?;
        let key = format!("volatile.{root}.apply_quota");
        Ok(after.config.get(&key).is_some_and(|value| value == "true"))
    }

    /// [`patch`](Self::patch) for changes that may be about processors.
    ///
    /// Incus 6.0 spreads processors anew as soon as it reads of such a change, and may do so by the number that it is
    /// just replacing. So it reads of it twice: the second time the number that counts is there already, written in
    /// another way.
    pub(super) async fn patch_limits(
        &self,
        instance: &wire::Instance,
        mut body: Value,
    ) -> CloudResult<()> {
        let before = instance.config.get(CPUS).map(String::as_str);
        let cpus = body["config"][CPUS].as_str().map(str::to_owned);
        let cpus = cpus.filter(|cpus| !self.options.vm && before != Some(cpus));
        let Some(cpus) = cpus else {
            return self.patch(instance, body).await;
        };
        body["config"][CPUS] = Value::from(format!("0{cpus}"));
        self.patch(instance, body).await?;
        self.patch(instance, json!({ "config": { CPUS: cpus } }))
            .await
    }

    /// What is known of the old system goes first, so that after a crash at any point the same call goes on: the address
    /// is reserved while there still is one to be seen.
    pub(super) async fn rebuild_instance(
        &self,
        at: &InstanceRef,
        image: &Image,
        user_data: &str,
        nesting: bool,
        mark: &str,
    ) -> CloudResult<()> {
        if !self.client.can("instances_rebuild").await? {
            return Err(CloudError::unsupported(
                "this Incus server is too old to reinstall a system",
            ));
        }
        let id = names::checked(at)?;
        // How an earlier try ends is not to be seen before.
        self.quiet_within(id, DOWNLOAD_LIMIT).await?;
        let instance = self.describe(at).await?;
        if instance.has_done(mark) {
            return match instance.status.as_str() {
                STOPPED => self.switch_on(id).await,
                _ => Ok(()),
            };
        }
        let (source, state, snapshots) = tokio::try_join!(
            self.image_source(image),
            self.state_now(at),
            self.list_snapshots(at),
        )?;
        if !snapshots.is_empty() {
            return Err(CloudError::new(
                ErrorClass::Rejected,
                "the system can't be reinstalled while there are snapshots of it; delete them first",
            ));
        }
        let address = state.address();
        let mut reserved = self.keep_address(&instance, address.as_deref()).await?;
        self.halt(&instance).await?;
        if reserved.is_err() {
            reserved = self.keep_address(&instance, address.as_deref()).await?;
        }
        if let Err(error) = reserved {
            tracing::info!(instance = id, %error, "its network can't reserve its address");
        }
        // A new id makes cloud-init take the machine for a new one, though its user data may be the same.
        let config = json!({
            USER_DATA: user_data,
            NESTING: if nesting && !self.options.vm { "true" } else { "" },
            COPIED: "",
            MARK: mark,
            BEGUN: mark,
            "volatile.cloud-init.instance-id": new_instance_id(),
        });
        self.patch(&instance, json!({ "config": config })).await?;
        let rebuild = json!({ "source": source });
        let path = ["instances", id, "rebuild"];
        let rebuilt = self
            .client
            .run(Method::POST, &path, Some(&rebuild), DOWNLOAD_LIMIT)
            .await;
        // The old disk goes first: a refusal from here on does not say that it is there still.
        rebuilt.map_err(|error| match error.class {
            ErrorClass::Rejected | ErrorClass::Quota => {
                CloudError::new(ErrorClass::OutcomeUnknown, error.message)
            }
            _ => error,
        })?;
        self.switch_on(id).await
    }

    /// Reserves the address in the network; inside is why its network can't do that. One that Incus doesn't manage takes
    /// no reservations at all; then only the DHCP server there decides.
    async fn keep_address(
        &self,
        instance: &wire::Instance,
        address: Option<&str>,
    ) -> CloudResult<Result<(), CloudError>> {
        let (Some(address), Some((name, nic))) = (address, instance.managed_nic()) else {
            return Ok(Ok(()));
        };
        let mut nic = nic.clone();
        nic.insert("ipv4.address".to_owned(), address.to_owned());
        match self
            .patch(instance, json!({ "devices": { name: nic } }))
            .await
        {
            Err(error) if error.class == ErrorClass::Rejected => Ok(Err(error)),
            result => result.map(Ok),
        }
    }
}

/// What takes back a change of settings and devices.
fn as_it_was(instance: &wire::Instance, change: &Value) -> Value {
    let names = |of: &str| {
        let names = change[of].as_object().into_iter().flatten();
        names.map(|(name, _)| name.clone())
    };
    let setting = |key: String| {
        let value = instance.config.get(&key).cloned().unwrap_or_default();
        (key, Value::from(value))
    };
    // Of all devices, only the root disk is ever put off, and there always was one.
    let device = |name: String| {
        let device = instance.expanded_devices.get(&name);
        device.map(|device| (name.clone(), json!(device)))
    };
    json!({
        "config": names("config").map(setting).collect::<Map<_, _>>(),
        "devices": names("devices").filter_map(device).collect::<Map<_, _>>(),
    })
}

/// A random UUID.
fn new_instance_id() -> String {
    let mut bytes = domain::random::bytes::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}
