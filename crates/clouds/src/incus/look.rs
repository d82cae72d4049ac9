//! Looking without touching: the server itself, an instance's traffic, its network, its console.

use std::net::Ipv4Addr;

use domain::Region;

use super::shown::netmask;
use super::wire::{self, Interface};
use super::{Incus, names};
use crate::cloud::{CloudResult, ErrorClass, InstanceRef, Network, Offer, Traffic};

/// The end of a console's log that is worth showing.
const LONGEST_LOG: usize = 64 << 10;

// === impl Incus ===

impl Incus {
    pub(super) async fn check_trust(&self) -> CloudResult<()> {
        self.client.ask_server().await.map(drop)
    }

    /// The region itself. Sizes and images are the operator's own.
    pub(super) async fn read_offer(&self) -> CloudResult<Offer> {
        let server = self.client.ask_server().await?;
        let named = self
            .options
            .name
            .clone()
            .unwrap_or_else(|| server.environment.server_name.chars().take(100).collect());
        let region = Region {
            slug: self.options.region.clone(),
            name: if named.is_empty() {
                self.options.region.clone()
            } else {
                named
            },
            endpoint: self.options.endpoint.shown(),
            country: String::new(),
            open: true,
        };
        Ok(Offer {
            regions: vec![region],
            ..Offer::default()
        })
    }

    /// What went through the interfaces that Incus gave the instance; what its containers say among themselves is
    /// no traffic. The counters are those of the interfaces' other ends, which each start makes anew under new names.
    pub(super) async fn read_traffic(&self, at: &InstanceRef) -> CloudResult<Traffic> {
        let state = self.state_now(at).await?;
        let given = || state.given().map(|(_, interface)| interface);
        let sum = |count: fn(&Interface) -> u64| given().map(count).fold(0, u64::saturating_add);
        let ends: Vec<&str> = given()
            .map(|interface| interface.host_name.as_str())
            .collect();
        Ok(Traffic {
            epoch: ends.join(","),
            received_bytes: sum(|interface| interface.counters.bytes_received),
            sent_bytes: sum(|interface| interface.counters.bytes_sent),
        })
    }

    /// The way out of an instance's network, and how large that is, where Incus manages it.
    pub(super) async fn way_out(&self, instance: &wire::Instance) -> CloudResult<Network> {
        let nic = instance.managed_nic();
        let managed = match nic.and_then(|(_, nic)| nic.get("network")) {
            Some(name) => self.network(name).await?,
            None => wire::Network::default(),
        };
        let setting = |key: &str| managed.config.get(key).and_then(|text| host(text));
        // A bridge of Incus's own is itself the way out, unless it is told of another; so is a network of others.
        let own = setting("ipv4.gateway").or_else(|| setting("ipv4.address"));
        let other = managed.config.get("ipv4.dhcp.gateway").cloned();
        Ok(Network {
            netmask: own.and_then(|(_, bits)| netmask(bits)),
            gateway: other.or_else(|| own.map(|(address, _)| address.to_string())),
            ipv6: None,
        })
    }

    /// A network's settings; none where it is another project's, which not everyone may see.
    async fn network(&self, name: &str) -> CloudResult<wire::Network> {
        match self.client.get(&["networks", name]).await {
            Err(error) if matches!(error.class, ErrorClass::NotFound | ErrorClass::Auth) => {
                Ok(wire::Network::default())
            }
            result => result,
        }
    }

    pub(super) async fn read_console_log(&self, at: &InstanceRef) -> CloudResult<String> {
        let log = self
            .client
            .text(&["instances", names::checked(at)?, "console"])
            .await?;
        let mut from = log.len().saturating_sub(LONGEST_LOG);
        while !log.is_char_boundary(from) {
            from += 1;
        }
        Ok(log[from..].to_owned())
    }
}

/// An address with the length of its network's part, such as `10.0.0.1/24`; `None` for `none` and `auto`.
fn host(text: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, bits) = text.split_once('/')?;
    Some((address.parse().ok()?, bits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_without_addresses_has_no_way_out() {
        assert_eq!(host("10.0.0.1/24"), Some((Ipv4Addr::new(10, 0, 0, 1), 24)));
        for none in ["none", "auto", "fd42::1/64", ""] {
            assert_eq!(host(none), None, "{none}");
        }
    }
}
