//! Hetzner's JSON: only the fields that the driver reads. Unknown ones are ignored, and what may be absent or null is empty
//! then.
//!
//! Numbers that are money or may have a fraction are kept as the text that was sent, so that none goes through a float.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What stands in a list, and under which key.
pub(super) trait Listed {
    /// The key of the list.
    const KEY: &'static str;
}

macro_rules! listed {
    ($($type:ident: $key:literal),+ $(,)?) => {
        $(impl Listed for $type { const KEY: &'static str = $key; })+
    };
}

listed! {
    Action: "actions",
    Firewall: "firewalls",
    Image: "images",
    Location: "locations",
    Network: "networks",
    Server: "servers",
    ServerType: "server_types",
    SshKey: "ssh_keys",
}

#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    pub(super) pagination: Pagination,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pagination {
    pub(super) next_page: Option<u32>,
}

/// Labels, by their names.
pub(super) type Labels = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
pub(super) struct OneServer {
    pub(super) server: Server,
}

/// The answer to a create: the server, the action that makes it, and those that follow.
#[derive(Debug, Deserialize)]
pub(super) struct Created {
    pub(super) server: Server,
    pub(super) action: Action,
    #[serde(default)]
    pub(super) next_actions: Vec<Action>,
}

/// What its owner has forbidden.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Protection {
    #[serde(default)]
    pub(super) delete: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Server {
    pub(super) id: u64,
    pub(super) name: String,
    /// `initializing`, `starting`, `running`, `stopping`, `off`, `deleting`, `migrating`, `rebuilding` or `unknown`.
    pub(super) status: String,
    #[serde(default)]
    pub(super) created: String,
    pub(super) public_net: PublicNet,
    #[serde(default)]
    pub(super) private_net: Vec<PrivateNet>,
    pub(super) server_type: OfType,
    pub(super) location: Place,
    #[serde(default)]
    pub(super) labels: Labels,
    #[serde(default)]
    pub(super) protection: Protection,
    /// In GB.
    #[serde(default)]
    pub(super) primary_disk_size: u64,
    pub(super) ingoing_traffic: Option<u64>,
    pub(super) outgoing_traffic: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PublicNet {
    pub(super) ipv4: Option<Address>,
    pub(super) ipv6: Option<Address>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PrivateNet {
    pub(super) ip: String,
}

/// An address, or for IPv6 a network.
#[derive(Debug, Deserialize)]
pub(super) struct Address {
    pub(super) ip: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfType {
    pub(super) name: String,
    pub(super) architecture: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneAction {
    pub(super) action: Action,
}

#[derive(Debug, Deserialize)]
pub(super) struct ManyActions {
    pub(super) actions: Vec<Action>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    /// `running`, `success` or `error`.
    pub(super) status: String,
    #[serde(default)]
    pub(super) command: String,
    pub(super) error: Option<Failure>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Location {
    pub(super) name: String,
    #[serde(default)]
    pub(super) city: String,
    #[serde(default)]
    pub(super) country: String,
    pub(super) network_zone: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ServerType {
    pub(super) name: String,
    #[serde(default)]
    pub(super) category: Option<String>,
    pub(super) cpu_type: String,
    pub(super) architecture: String,
    pub(super) cores: u32,
    /// In GB.
    pub(super) memory: Box<RawValue>,
    /// In GB.
    pub(super) disk: u64,
    #[serde(default)]
    pub(super) prices: Vec<Price>,
    #[serde(default)]
    pub(super) locations: Vec<SoldAt>,
}

/// What a server type costs at one location.
#[derive(Debug, Deserialize)]
pub(super) struct Price {
    pub(super) price_hourly: Amount,
    pub(super) price_monthly: Amount,
    /// In bytes.
    #[serde(default)]
    pub(super) included_traffic: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct OnePricing {
    pub(super) pricing: Pricing,
}

/// What costs money besides server types.
#[derive(Debug, Deserialize)]
pub(super) struct Pricing {
    #[serde(default)]
    pub(super) primary_ips: Vec<AddressSold>,
}

/// What the addresses of a kind cost.
#[derive(Debug, Deserialize)]
pub(super) struct AddressSold {
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) prices: Vec<AddressPrice>,
}

/// What an address costs at one location.
#[derive(Debug, Deserialize)]
pub(super) struct AddressPrice {
    pub(super) price_hourly: Amount,
    pub(super) price_monthly: Amount,
}

/// An amount as text, in euros.
#[derive(Debug, Deserialize)]
pub(super) struct Amount {
    pub(super) gross: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SoldAt {
    #[serde(default)]
    pub(super) name: String,
    pub(super) available: Option<bool>,
    pub(super) deprecation: Option<Deprecation>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Deprecation {
    pub(super) unavailable_after: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) description: String,
    /// `available`, `creating` or `unavailable`.
    pub(super) status: String,
    #[serde(default)]
    pub(super) created: String,
    /// In GB; null while it is being taken.
    pub(super) image_size: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneSshKey {
    pub(super) ssh_key: SshKey,
}

#[derive(Debug, Deserialize)]
pub(super) struct SshKey {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneFirewall {
    pub(super) firewall: Firewall,
}

#[derive(Debug, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: u64,
    /// As they came: they are sent back as a whole where one is added.
    #[serde(default)]
    pub(super) rules: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneNetwork {
    pub(super) network: Network,
}

#[derive(Debug, Deserialize)]
pub(super) struct Network {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) subnets: Vec<Subnet>,
    /// Which servers are attached to it.
    #[serde(default)]
    pub(super) servers: Vec<u64>,
    #[serde(default)]
    pub(super) load_balancers: Vec<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subnet {
    pub(super) network_zone: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_without_addresses_and_counters_is_read() {
        let server: Server = serde_json::from_value(json!({
            "id": 42, "name": "web", "status": "initializing", "created": "2026-01-30T23:50:00+00:00",
            "public_net": { "ipv4": null, "ipv6": null, "floating_ips": [] },
            "server_type": { "name": "cx23", "architecture": "x86", "cores": 2 },
            "location": { "name": "fsn1" }, "ingoing_traffic": null, "outgoing_traffic": null,
        }))
        .expect("is read");
        assert!(server.public_net.ipv4.is_none() && server.labels.is_empty());
    }
}
