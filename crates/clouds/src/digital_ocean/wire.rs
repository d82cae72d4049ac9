//! DigitalOcean's JSON: only the fields that the driver reads. Unknown ones are ignored, and what may be absent or null
//! is empty then.
//!
//! Numbers that are money or may have a fraction are kept as the text that was sent, so that none goes through a float.

use serde::Deserialize;
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
    AccountSnapshot: "snapshots",
    Action: "actions",
    Droplet: "droplets",
    Firewall: "firewalls",
    Region: "regions",
    Size: "sizes",
    Snapshot: "snapshots",
}

/// The end of a page of a list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Links {
    #[serde(default)]
    pub(super) pages: Pages,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Pages {
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneDroplet {
    pub(super) droplet: Droplet,
}

/// The answer to a create: the droplet, and the action that makes it.
#[derive(Debug, Deserialize)]
pub(super) struct Created {
    pub(super) droplet: Droplet,
    #[serde(default)]
    pub(super) links: Began,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Began {
    #[serde(default)]
    pub(super) actions: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Droplet {
    pub(super) id: u64,
    pub(super) name: String,
    /// `new`, `active`, `off` or `archive`.
    pub(super) status: String,
    /// In GiB.
    #[serde(default)]
    pub(super) disk: u64,
    #[serde(default)]
    pub(super) size_slug: String,
    #[serde(default)]
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) networks: Networks,
    pub(super) region: Place,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) slug: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Networks {
    #[serde(default)]
    pub(super) v4: Vec<Address>,
    #[serde(default)]
    pub(super) v6: Vec<Address6>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Address {
    pub(super) ip_address: String,
    pub(super) netmask: Option<String>,
    pub(super) gateway: Option<String>,
    /// `public` or `private`.
    #[serde(rename = "type", default)]
    pub(super) kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Address6 {
    pub(super) ip_address: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneAction {
    pub(super) action: Action,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    /// `in-progress`, `completed` or `errored`.
    pub(super) status: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Region {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) available: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Size {
    pub(super) slug: String,
    /// In MiB.
    pub(super) memory: u64,
    pub(super) vcpus: u32,
    /// In GiB.
    pub(super) disk: u64,
    /// In TB.
    pub(super) transfer: Box<RawValue>,
    pub(super) price_hourly: Box<RawValue>,
    pub(super) price_monthly: Box<RawValue>,
    pub(super) available: bool,
    #[serde(default)]
    pub(super) regions: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    pub(super) id: u64,
    pub(super) name: String,
    #[serde(default)]
    pub(super) created_at: String,
    pub(super) size_gigabytes: Option<Box<RawValue>>,
}

/// A snapshot in the account's list, where its number is text.
#[derive(Debug, Deserialize)]
pub(super) struct AccountSnapshot {
    pub(super) id: String,
    pub(super) name: String,
    /// Of which droplet it is.
    pub(super) resource_id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneFirewall {
    pub(super) firewall: Firewall,
}

#[derive(Debug, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) inbound_rules: Option<Vec<Rule>>,
    pub(super) tags: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    pub(super) protocol: String,
    #[serde(default)]
    pub(super) ports: String,
    #[serde(default)]
    pub(super) sources: Sources,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Sources {
    pub(super) addresses: Option<Vec<String>>,
    pub(super) tags: Option<Vec<String>>,
}
