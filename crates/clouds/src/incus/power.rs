//! Switching on and off, and the way out: retire and destroy.
//!
//! `start`, `stop`, `reboot` and `destroy` return when Incus has begun; how it ends is for `wait`. What must stay true:
//! what is already so is a success, so that each can be sent again after a crash; and an instance whose disk is just being
//! replaced is left alone until it has one.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::operations::USUAL_LIMIT;
use super::shown::NAME;
use super::{Incus, errors, names, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

/// How long a guest has to shut down by itself; then the operation fails, and `wait` says so.
const GRACE: Duration = Duration::from_secs(30);

/// Incus's word for an instance that is off.
pub(super) const STOPPED: &str = "Stopped";

// === impl Incus ===

impl Incus {
    pub(super) async fn start_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        let instance = self.when_quiet(self.describe(at).await?).await?;
        let action = match instance.status.as_str() {
            "Running" | "Ready" => return Ok(()),
            "Frozen" => "unfreeze",
            _ => {
                self.make_its_own(&instance).await?;
                "start"
            }
        };
        self.begin_power(at, &json!({ "action": action })).await
    }

    pub(super) async fn stop_instance(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        let status = self.describe(at).await?.status;
        if status == STOPPED {
            return Ok(());
        }
        // A frozen guest can't answer a request to shut down.
        let force = force || status == "Frozen";
        let body = json!({ "action": "stop", "force": force, "timeout": GRACE.as_secs() });
        self.begin_power(at, &body).await
    }

    pub(super) async fn reboot_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        let instance = self.when_quiet(self.describe(at).await?).await?;
        let action = if instance.status == STOPPED {
            self.make_its_own(&instance).await?;
            "start"
        } else {
            "restart"
        };
        self.begin_power(at, &json!({ "action": action, "timeout": GRACE.as_secs() }))
            .await
    }

    pub(super) async fn retire_instance(
        &self,
        at: &InstanceRef,
        name: &str,
    ) -> CloudResult<InstanceRef> {
        let instance = self.when_quiet(self.describe(at).await?).await?;
        let token = instance.tag().map(|tag| tag.token).unwrap_or_default();
        let mut id = names::id_for(name, &token);
        self.halt(&instance).await?;
        self.patch(&instance, json!({ "config": { NAME: name } }))
            .await?;
        if id != at.id {
            let renamed = match self.rename(&at.id, &id).await {
                Err(error) if errors::is_taken(&error) => {
                    id = names::id_with_token(name, &token);
                    self.rename(&at.id, &id).await
                }
                result => result,
            };
            renamed?;
        }
        Ok(InstanceRef {
            region: at.region.clone(),
            id,
        })
    }

    pub(super) async fn destroy_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        let path = ["instances", names::checked(at)?];
        let gone = async {
            let instance = self.when_quiet(self.describe(at).await?).await?;
            self.halt(&instance).await?;
            self.client
                .begin(Method::DELETE, &path, None)
                .await
                .map(drop)
        };
        match gone.await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            result => result,
        }
    }

    /// An instance that is off, when nothing is under way on it: Incus starts, renames and deletes one while it is replacing
    /// its disk, and what is left of that starts no more and can't even be deleted.
    async fn when_quiet(&self, seen: wire::Instance) -> CloudResult<wire::Instance> {
        if seen.status != STOPPED {
            return Ok(seen);
        }
        self.quiet_within(&seen.name, USUAL_LIMIT).await?;
        self.client.get(&["instances", &seen.name]).await
    }

    /// Cuts the power and waits until it is off: Incus neither renames, rebuilds nor deletes what runs.
    pub(super) async fn halt(&self, instance: &wire::Instance) -> CloudResult<()> {
        if instance.status == STOPPED {
            return Ok(());
        }
        let path = ["instances", &instance.name, "state"];
        let body = json!({ "action": "stop", "force": true });
        match self
            .client
            .run(Method::PUT, &path, Some(&body), USUAL_LIMIT)
            .await
        {
            // It went off by itself in between.
            Err(error) if error.message.contains("already stopped") => Ok(()),
            result => result,
        }
    }

    /// Asks the system to shut down, and cuts its power where it doesn't; waits until it is off.
    pub(super) async fn shut_down(&self, instance: &wire::Instance) -> CloudResult<()> {
        let path = ["instances", &instance.name, "state"];
        let body = json!({ "action": "stop", "force": false, "timeout": GRACE.as_secs() });
        let asked = self
            .client
            .run(Method::PUT, &path, Some(&body), USUAL_LIMIT);
        match asked.await {
            Err(error) if error.class != ErrorClass::OutcomeUnknown => self.halt(instance).await,
            asked => asked,
        }
    }

    /// Switches on and waits until it runs.
    pub(super) async fn switch_on(&self, id: &str) -> CloudResult<()> {
        let path = ["instances", id, "state"];
        let body = json!({ "action": "start" });
        match self
            .client
            .run(Method::PUT, &path, Some(&body), USUAL_LIMIT)
            .await
        {
            // Somebody else was quicker.
            Err(error) if error.message.contains("already running") => Ok(()),
            result => result,
        }
    }

    async fn rename(&self, from: &str, to: &str) -> CloudResult<()> {
        let body = json!({ "name": to });
        self.client
            .run(Method::POST, &["instances", from], Some(&body), USUAL_LIMIT)
            .await
    }

    async fn begin_power(&self, at: &InstanceRef, body: &Value) -> CloudResult<()> {
        let path = ["instances", names::checked(at)?, "state"];
        match self.client.begin(Method::PUT, &path, Some(body)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(gone(error, at)),
        }
    }
}

fn gone(error: CloudError, at: &InstanceRef) -> CloudError {
    if error.class == ErrorClass::NotFound {
        CloudError::not_found(at)
    } else {
        error
    }
}
