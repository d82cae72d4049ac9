//! Looking at servers: one, those of a label, and what is seen of each; and the labels of one.
//!
//! Called by the reading verbs, and by the others before they change something. What must stay true: a server that may cost
//! money is never shown as gone; and labels are sent as a whole, with those of other people among them.

use std::net::Ipv6Addr;

use domain::server::Power;
use reqwest::Method;
use serde_json::json;

use super::wire::{Labels, OneServer, Server};
use super::{Hetzner, errors, labels};
use crate::cloud::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Network, Tag};
use crate::pauses::Patience;
use crate::text::timestamp;

// === impl Hetzner ===

impl Hetzner {
    pub(super) async fn check_token(&self) -> CloudResult<()> {
        let first = self.client.page::<Server>(&["servers"], &[], 1).await;
        first.map(drop)
    }

    /// A server as Hetzner shows it.
    pub(super) async fn describe(&self, at: &InstanceRef) -> CloudResult<Server> {
        let id = labels::id(at)?.to_string();
        match self.client.get::<OneServer>(&["servers", &id]).await {
            Ok(one) => Ok(one.server),
            Err(error) => Err(gone(error, at)),
        }
    }

    /// Whether there is such a server. Lists may show one for a while that is gone.
    pub(super) async fn is_there(&self, server: u64) -> CloudResult<bool> {
        let path = ["servers", &server.to_string()];
        match self.client.get::<OneServer>(&path).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(false),
            known => known.map(|_| true),
        }
    }

    pub(super) async fn find_servers(&self, region: &str, tag: &Tag) -> CloudResult<Vec<Instance>> {
        let selector = labels::selector_of(tag)?;
        self.selected_in(region, &selector).await
    }

    pub(super) async fn list_servers(
        &self,
        region: &str,
        installation: &str,
    ) -> CloudResult<Vec<Instance>> {
        let selector = labels::selector_of_installation(installation)?;
        self.selected_in(region, &selector).await
    }

    async fn selected_in(&self, region: &str, selector: &str) -> CloudResult<Vec<Instance>> {
        let mut found = self.selected(selector).await?;
        found.retain(|server| server.location.name == region);
        Ok(found.iter().map(shown).collect())
    }

    /// All servers whose labels fit.
    pub(super) async fn selected(&self, selector: &str) -> CloudResult<Vec<Server>> {
        let parameters = [("label_selector", selector)];
        self.client.list(&["servers"], &parameters).await
    }

    pub(super) async fn adopt_server(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        let mut server = self.describe(at).await?;
        labels::put_owner(&mut server.labels, tag)?;
        self.put(at, None, &server.labels).await
    }

    pub(super) async fn release_server(&self, at: &InstanceRef) -> CloudResult<()> {
        let mut server = self.describe(at).await?;
        labels::take_owner(&mut server.labels);
        self.put(at, None, &server.labels).await
    }

    /// Gives a server these labels, and another host name where one is named.
    pub(super) async fn put(
        &self,
        at: &InstanceRef,
        name: Option<&str>,
        labels: &Labels,
    ) -> CloudResult<()> {
        let mut body = json!({ "labels": labels });
        if let Some(name) = name {
            body["name"] = json!(name);
        }
        let mut patience = Patience::new();
        loop {
            let path = ["servers", at.id.as_str()];
            let put = self.client.change(Method::PUT, &path, Some(&body)).await;
            let busy = errors::is_busy(put.as_ref().err());
            if patience.again(busy).await.is_none() {
                return put.map_err(|error| gone(error, at));
            }
        }
    }
}

// === impl Server ===

impl Server {
    /// Whether it is off, and stays so unless somebody starts it.
    pub(super) fn is_off(&self) -> bool {
        self.status == "off"
    }

    pub(super) fn at(&self) -> InstanceRef {
        InstanceRef {
            region: self.location.name.clone(),
            id: self.id.to_string(),
        }
    }
}

/// What is seen of a server. Its IPv4 address stands alone, in no network that somebody would have to configure.
pub(super) fn shown(server: &Server) -> Instance {
    let power = match server.status.as_str() {
        "running" => Power::Running,
        "off" => Power::Stopped,
        "stopping" => Power::Stopping,
        "deleting" => Power::ShuttingDown,
        _ => Power::Pending,
    };
    let ipv6 = server.public_net.ipv6.as_ref();
    Instance {
        at: server.at(),
        name: labels::shown(&server.name, &server.labels),
        tag: labels::owner(&server.labels),
        power,
        public_ip: server.public_net.ipv4.as_ref().map(|v4| v4.ip.clone()),
        private_ip: server.private_net.first().map(|net| net.ip.clone()),
        network: Network {
            ipv6: ipv6.and_then(|network| first_of(&network.ip)),
            ..Network::default()
        },
        plan: Some(server.server_type.name.clone()),
        created_at: timestamp(&server.created),
    }
}

/// The address of a server in its IPv6 network: the first one.
fn first_of(network: &str) -> Option<String> {
    let (first, _) = network.split_once('/')?;
    let first: Ipv6Addr = first.parse().ok()?;
    Some(Ipv6Addr::from_bits(first.to_bits() | 1).to_string())
}

/// In the words of every driver, where there is no such server.
pub(super) fn gone(error: CloudError, at: &InstanceRef) -> CloudError {
    if error.class == ErrorClass::NotFound {
        CloudError::not_found(at)
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_the_first_of_its_ipv6_network() {
        let first = first_of("2001:db8:5::/64");
        assert_eq!(first.as_deref(), Some("2001:db8:5::1"));
        assert_eq!(first_of("nonsense"), None);
    }
}
