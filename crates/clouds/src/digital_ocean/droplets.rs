//! Looking at droplets: one, those of a tag, and what is seen of each.
//!
//! Called by the reading verbs, and by the others before they change something. What must stay true: a droplet that may
//! cost money is never shown as gone.

use std::time::Duration;

use domain::server::Power;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::wire::{self, Droplet, OneDroplet};
use super::{DigitalOcean, names};
use crate::cloud::{
    CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Network, Tag, Until,
};
use crate::pauses::Pauses;
use crate::text::timestamp;

// === impl DigitalOcean ===

impl DigitalOcean {
    pub(super) async fn check_token(&self) -> CloudResult<()> {
        self.client.get::<Value>(&["account"]).await.map(drop)
    }

    /// A droplet as DigitalOcean shows it.
    pub(super) async fn describe(&self, at: &InstanceRef) -> CloudResult<Droplet> {
        let id = names::id(at)?.to_string();
        match self.client.get::<OneDroplet>(&["droplets", &id]).await {
            Ok(one) => Ok(one.droplet),
            Err(error) => Err(gone(error, at)),
        }
    }

    /// Whether there is such a droplet. Lists may show one for a while that is gone.
    pub(super) async fn is_there(&self, droplet: u64) -> CloudResult<bool> {
        let path = ["droplets", &droplet.to_string()];
        match self.client.get::<Value>(&path).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(false),
            known => known.map(|_| true),
        }
    }

    pub(super) async fn find_droplets(
        &self,
        region: &str,
        tag: &Tag,
    ) -> CloudResult<Vec<Instance>> {
        let installation = names::installation(&tag.installation)?;
        let mut found = self.tagged(&names::token(tag)?).await?;
        found.retain(|droplet| droplet.region.slug == region && droplet.bears(&installation));
        Ok(found.into_iter().map(shown).collect())
    }

    pub(super) async fn list_droplets(
        &self,
        region: &str,
        installation: &str,
    ) -> CloudResult<Vec<Instance>> {
        let mut found = self.tagged(&names::installation(installation)?).await?;
        found.retain(|droplet| droplet.region.slug == region);
        Ok(found.into_iter().map(shown).collect())
    }

    /// All droplets that bear a tag. One that nobody has made yet is on none.
    pub(super) async fn tagged(&self, tag: &str) -> CloudResult<Vec<Droplet>> {
        let found = self.client.list(&["droplets"], &[("tag_name", tag)]).await;
        match found {
            Err(error) if error.class == ErrorClass::NotFound => Ok(Vec::new()),
            found => found,
        }
    }

    /// As the trait's own way to wait, with longer pauses; and tidies up when the droplet is gone.
    pub(super) async fn wait_until(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        let deadline = Instant::now() + timeout;
        let mut pauses = Pauses::new();
        loop {
            let seen = match self.describe(at).await {
                Ok(droplet) => {
                    if until == Until::Gone {
                        self.remember(&droplet).await;
                    }
                    shown(droplet)
                }
                Err(error) if error.class == ErrorClass::NotFound && until == Until::Gone => {
                    self.forget_gone(names::id(at)?).await;
                    return Ok(Instance::gone(at));
                }
                // Just after a create, "not found" means "not yet".
                Err(error) if error.class == ErrorClass::NotFound && until == Until::Running => {
                    Instance::pending(at)
                }
                Err(error) => return Err(error),
            };
            if until.holds(&seen) {
                return Ok(seen);
            }
            let pause = pauses.next();
            if Instant::now() + pause > deadline {
                return Err(until.timed_out(timeout, seen.power));
            }
            sleep(pause).await;
        }
    }
}

// === impl wire::Droplet ===

impl wire::Droplet {
    pub(super) fn bears(&self, tag: &str) -> bool {
        self.tags.iter().any(|borne| borne == tag)
    }

    /// Whether it is off, and stays so unless somebody starts it.
    pub(super) fn is_off(&self) -> bool {
        matches!(self.status.as_str(), "off" | "archive")
    }
}

/// What is seen of a droplet. What it is just doing can't be told from `locked`, which a snapshot sets as well, so the
/// status alone counts; one that is put away (`archive`) costs money, and is off.
pub(super) fn shown(droplet: Droplet) -> Instance {
    let power = match droplet.status.as_str() {
        "active" => Power::Running,
        "off" | "archive" => Power::Stopped,
        _ => Power::Pending,
    };
    let v4 = &droplet.networks.v4;
    let of_kind = |kind: &str| v4.iter().find(|address| address.kind == kind);
    let (public, private) = (of_kind("public"), of_kind("private"));
    let network = public.or(private).map(|address| Network {
        netmask: address.netmask.clone().filter(|text| !text.is_empty()),
        gateway: address.gateway.clone().filter(|text| !text.is_empty()),
        ipv6: None,
    });
    let ipv6 = droplet.networks.v6.first();
    Instance {
        at: InstanceRef {
            region: droplet.region.slug,
            id: droplet.id.to_string(),
        },
        name: names::shown(&droplet.name),
        tag: names::owner(&droplet.tags),
        power,
        public_ip: public.map(|address| address.ip_address.clone()),
        private_ip: private.map(|address| address.ip_address.clone()),
        network: Network {
            ipv6: ipv6.map(|address| address.ip_address.clone()),
            ..network.unwrap_or_default()
        },
        plan: Some(droplet.size_slug),
        created_at: timestamp(&droplet.created_at),
    }
}

/// In the words of every driver, where there is no such droplet.
pub(super) fn gone(error: CloudError, at: &InstanceRef) -> CloudError {
    if error.class == ErrorClass::NotFound {
        CloudError::not_found(at)
    } else {
        error
    }
}
