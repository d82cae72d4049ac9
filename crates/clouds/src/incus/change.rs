//! Changing what an instance is made of: its size, its system.
//!
//! What must stay true: everything that can be refused is looked at before the instance is switched off; the network
//! address stays. The network interface stays by itself, but a new system introduces itself to DHCP as another machine,
//! so Incus is told to give it the address that it had.

use domain::{Image, Plan};
use reqwest::Method;
use serde_json::{Value, json};

use super::create::{CPUS, limits, size};
use super::operations::{DOWNLOAD_LIMIT, USUAL_LIMIT};
use super::{Incus, names, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

// === impl Incus ===

impl Incus {
    /// Processors and memory of a container change while it runs; so does its disk, where the pool can do that.
    pub(super) async fn resize_instance(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        let instance = self.describe(at).await?;
        let mut body = json!({ "config": limits(plan) });
        if let Some((name, root)) = instance.root_disk() {
            let mut root = root.clone();
            size(&mut root, plan);
            body["devices"] = json!({ name: root });
        }
        self.patch_limits(&instance, body).await
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

    pub(super) async fn rebuild_instance(
        &self,
        at: &InstanceRef,
        image: &Image,
        user_data: &str,
    ) -> CloudResult<()> {
        if !self.client.can("instances_rebuild").await? {
            return Err(CloudError::unsupported(
                "this Incus server is too old to reinstall a system",
            ));
        }
        let id = names::checked(at)?;
        let (source, instance, state, snapshots) = tokio::try_join!(
            self.image_source(image),
            self.describe(at),
            self.state(at),
            self.list_snapshots(at),
        )?;
        if !snapshots.is_empty() {
            return Err(CloudError::new(
                ErrorClass::Rejected,
                "the system can't be reinstalled while there are snapshots of it; delete them first",
            ));
        }
        self.halt(&instance).await?;
        // A new id makes cloud-init take the machine for a new one, though its user data may be the same.
        let config = json!({
            "cloud-init.user-data": user_data,
            "volatile.cloud-init.instance-id": new_instance_id(),
        });
        self.patch(&instance, json!({ "config": config })).await?;
        if let Some(address) = state.address() {
            self.keep_address(&instance, &address).await?;
        }
        let rebuild = json!({ "source": source });
        let path = ["instances", id, "rebuild"];
        self.client
            .run(Method::POST, &path, Some(&rebuild), DOWNLOAD_LIMIT)
            .await?;
        let path = ["instances", id, "state"];
        self.client
            .run(
                Method::PUT,
                &path,
                Some(&json!({ "action": "start" })),
                USUAL_LIMIT,
            )
            .await
    }

    /// Reserves the address in the network. One that Incus doesn't manage takes no reservations; then only the DHCP
    /// server there decides.
    async fn keep_address(&self, instance: &wire::Instance, address: &str) -> CloudResult<()> {
        let Some((name, nic)) = instance.managed_nic() else {
            return Ok(());
        };
        let mut nic = nic.clone();
        nic.insert("ipv4.address".to_owned(), address.to_owned());
        match self
            .patch(instance, json!({ "devices": { name: nic } }))
            .await
        {
            Err(error) if error.class == ErrorClass::Rejected => {
                tracing::info!(instance = instance.name, %error, "its network can't reserve its address");
                Ok(())
            }
            result => result,
        }
    }
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
