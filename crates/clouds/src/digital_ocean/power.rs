//! Switching on and off, and the way out: retire and destroy.
//!
//! `start`, `stop`, `reboot` and `destroy` return when DigitalOcean has accepted them; how they end is for `wait`. What
//! must stay true: what is already so is a success, so that each can be sent again after a crash.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::actions::USUAL_LIMIT;
use super::wire::Droplet;
use super::{DigitalOcean, droplets, errors, names};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef, Until};
use crate::pauses::Patience;

/// How long a system has to shut down by itself where something else needs it off.
const GRACE: Duration = Duration::from_secs(60);
/// How long switching off by force may take.
const CUT_LIMIT: Duration = Duration::from_mins(5);

// === impl DigitalOcean ===

impl DigitalOcean {
    pub(super) async fn start_droplet(&self, at: &InstanceRef) -> CloudResult<()> {
        let droplet = self.describe(at).await?;
        if !droplet.is_off() {
            return Ok(());
        }
        self.switch(at, &droplet, "power_on").await
    }

    pub(super) async fn stop_droplet(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        let droplet = self.describe(at).await?;
        if droplet.is_off() {
            return Ok(());
        }
        let kind = if force { "power_off" } else { "shutdown" };
        self.switch(at, &droplet, kind).await
    }

    pub(super) async fn reboot_droplet(&self, at: &InstanceRef) -> CloudResult<()> {
        let droplet = self.describe(at).await?;
        let kind = if droplet.is_off() {
            "power_on"
        } else {
            "reboot"
        };
        self.switch(at, &droplet, kind).await
    }

    pub(super) async fn retire_droplet(
        &self,
        at: &InstanceRef,
        name: &str,
    ) -> CloudResult<InstanceRef> {
        let droplet = self.describe(at).await?;
        self.remember(&droplet).await;
        let name = names::droplet(name);
        if droplet.name != name {
            self.run(droplet.id, &json!({ "type": "rename", "name": name }))
                .await
                .map_err(|error| droplets::gone(error, at))?;
        }
        Ok(at.clone())
    }

    /// A snapshot that is just being taken, which no list shows, lands before the droplet goes, so that whoever clears up
    /// afterwards sees it. What keeps the droplet busy may be one, so they are looked for again before each try.
    pub(super) async fn destroy_droplet(&self, at: &InstanceRef) -> CloudResult<()> {
        let id = names::id(at)?;
        let mut patience = None;
        let gone = loop {
            if let Err(error) = self.settle_snapshots(at).await {
                break Err(error);
            }
            let deleted = self.delete_now(id).await;
            let busy = errors::is_busy(deleted.as_ref().err());
            // Counted from the first refusal: a snapshot is waited for much longer.
            let patience = patience.get_or_insert_with(Patience::new);
            if patience.again(busy).await.is_none() {
                break deleted;
            }
        };
        match gone {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            gone => gone,
        }
    }

    /// As soon as the droplet is not busy. For one that nobody can have taken a snapshot of.
    pub(super) async fn delete_droplet(&self, id: u64) -> CloudResult<()> {
        let mut patience = Patience::new();
        loop {
            let deleted = self.delete_now(id).await;
            if patience
                .again(errors::is_busy(deleted.as_ref().err()))
                .await
                .is_none()
            {
                return deleted;
            }
        }
    }

    async fn delete_now(&self, id: u64) -> CloudResult<()> {
        let path = ["droplets", &id.to_string()];
        self.client.change(Method::DELETE, &path, None).await
    }

    /// Asks the system to shut down, and cuts its power where it doesn't; waits until it is off.
    pub(super) async fn shut_down(&self, at: &InstanceRef, droplet: &Droplet) -> CloudResult<()> {
        if droplet.is_off() {
            return Ok(());
        }
        let begun = self.begin(droplet.id, &json!({ "type": "shutdown" })).await;
        match begun {
            Ok(action) => match self.finish(&action, GRACE).await {
                // It did not, or did not in time.
                Ok(()) => {}
                Err(error) if is_open(&error) => {}
                Err(error) => return Err(error),
            },
            Err(error) if errors::is_taken(&error) => {}
            Err(error) => return Err(error),
        }
        self.cut(at).await
    }

    /// Cuts the power of what is on, and waits until it is off.
    pub(super) async fn cut(&self, at: &InstanceRef) -> CloudResult<()> {
        let droplet = self.describe(at).await?;
        if droplet.is_off() {
            return Ok(());
        }
        let begun = self
            .begin(droplet.id, &json!({ "type": "power_off" }))
            .await;
        match begun {
            Ok(action) => self.finish(&action, USUAL_LIMIT).await?,
            Err(error) if errors::is_taken(&error) => {}
            Err(error) => return Err(error),
        }
        self.wait_until(at, Until::Stopped, CUT_LIMIT)
            .await
            .map(drop)
    }

    async fn switch(&self, at: &InstanceRef, droplet: &Droplet, kind: &str) -> CloudResult<()> {
        match self.begin(droplet.id, &json!({ "type": kind })).await {
            // Somebody else was quicker: "Droplet is already powered off".
            Err(error) if errors::is_taken(&error) => Ok(()),
            Err(error) => Err(droplets::gone(error, at)),
            Ok(_) => Ok(()),
        }
    }
}

/// The system was asked, and is not off for that.
fn is_open(error: &CloudError) -> bool {
    matches!(
        error.class,
        ErrorClass::Rejected | ErrorClass::OutcomeUnknown
    )
}
