//! Incus's JSON: only the fields that the driver reads. Incus adds fields and never removes any, so unknown ones are
//! ignored and missing or null ones are empty.

use std::collections::BTreeMap;

use domain::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A device of an instance or a profile: a disk, a network interface.
pub(super) type Device = BTreeMap<String, String>;

/// What every answer is wrapped in.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    /// `sync`, `async` or `error`.
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) error: String,
    #[serde(default)]
    pub(super) error_code: u16,
    #[serde(default)]
    pub(super) metadata: Value,
}

/// `GET /1.0`.
#[derive(Debug, Deserialize)]
pub(super) struct Server {
    /// `trusted` or `untrusted`.
    #[serde(default)]
    pub(super) auth: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) api_extensions: Vec<String>,
    /// Absent for clients that aren't trusted.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) environment: Environment,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Environment {
    #[serde(default)]
    pub(super) server_name: String,
    #[serde(default)]
    pub(super) server_clustered: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) created_at: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) config: BTreeMap<String, String>,
    /// Its own; with those of its profiles they are the expanded ones.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) devices: BTreeMap<String, Device>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) expanded_devices: BTreeMap<String, Device>,
    /// Only where it was asked for.
    pub(super) state: Option<State>,
}

#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub(super) status: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) network: BTreeMap<String, Interface>,
    /// By the names of the devices.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) disk: BTreeMap<String, Disk>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Disk {
    /// In bytes; not above 0 where the pool doesn't count.
    #[serde(default)]
    pub(super) usage: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Interface {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) addresses: Vec<Address>,
    #[serde(default)]
    pub(super) counters: Counters,
    /// The other end, on the host; empty for what the instance made by itself, such as `docker0`.
    #[serde(default)]
    pub(super) host_name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Address {
    pub(super) family: String,
    #[serde(rename = "address")]
    pub(super) ip: String,
    /// How many bits of it are the network's.
    #[serde(default)]
    pub(super) netmask: String,
    pub(super) scope: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Counters {
    #[serde(default)]
    pub(super) bytes_received: u64,
    #[serde(default)]
    pub(super) bytes_sent: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Profile {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) config: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) devices: BTreeMap<String, Device>,
}

/// A network, managed or not.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Network {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) config: BTreeMap<String, String>,
}

/// `GET /1.0/resources`.
#[derive(Debug, Deserialize)]
pub(super) struct Resources {
    pub(super) cpu: Total,
    pub(super) memory: Total,
}

/// `GET /1.0/storage-pools/NAME/resources`.
#[derive(Debug, Deserialize)]
pub(super) struct PoolResources {
    pub(super) space: Total,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Total {
    #[serde(default)]
    pub(super) total: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pool {
    #[serde(default)]
    pub(super) driver: String,
}

/// A machine of a cluster.
#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) server_name: String,
    /// `Online`, `Offline`, `Evacuated`, among others.
    #[serde(default)]
    pub(super) status: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) groups: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Alias {
    /// The type of the image: `container` or `virtual-machine`.
    #[serde(rename = "type", default)]
    pub(super) kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    pub(super) name: String,
    #[serde(default)]
    pub(super) created_at: String,
    /// In bytes; not above 0 where the pool doesn't count.
    #[serde(default)]
    pub(super) size: i64,
}

/// A background operation.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    /// `task`, `websocket` or `token`.
    #[serde(default)]
    pub(super) class: String,
    /// What it does, such as `Starting instance`.
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) status_code: u16,
    /// Addresses of what it works on, by kind; the kind is `instances` or, at some versions, `containers`.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) resources: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) metadata: Value,
    #[serde(default)]
    pub(super) err: String,
}

/// A message of `/1.0/events`.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    pub(super) metadata: Value,
}

/// The content of an event of the type `lifecycle`.
#[derive(Debug, Deserialize)]
pub(super) struct Lifecycle {
    pub(super) action: String,
    /// The address of what changed.
    #[serde(default)]
    pub(super) source: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) context: BTreeMap<String, Value>,
}

/// The name in the address of an instance or of a part of one: `/1.0/instances/NAME/...?project=...`.
pub(super) fn instance_in(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("/1.0/instances/")?;
    rest.split(['/', '?'])
        .next()
        .filter(|name| !name.is_empty())
}

/// A time in RFC 3339's form; `None` for the years before 1971, which Incus writes for "never".
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let time = (seconds - offset_seconds(zone)?) * 1_000_000 + micros;
    (year > 1970).then_some(Timestamp(time))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(if zone.starts_with('-') {
        -seconds
    } else {
        seconds
    })
}

/// Days in the proleptic Gregorian calendar; the year begins in March, so that a leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_microsecond() {
        let read = |text| timestamp(text).map(|time| time.0);
        assert_eq!(read("2018-01-04T11:14:34Z"), Some(1_515_064_474_000_000));
        assert_eq!(
            read("2018-01-04T11:14:34.123456789Z"),
            Some(1_515_064_474_123_456)
        );
        assert_eq!(
            read("2018-01-04T12:14:34.5+01:00"),
            Some(1_515_064_474_500_000)
        );
        assert_eq!(read("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000));
        for never in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "", "now"] {
            assert_eq!(read(never), None, "{never}");
        }
    }

    #[test]
    fn the_address_of_a_snapshot_names_its_instance() {
        assert_eq!(instance_in("/1.0/instances/web?project=a"), Some("web"));
        assert_eq!(instance_in("/1.0/instances/web/snapshots/s0"), Some("web"));
        assert_eq!(instance_in("/1.0/instances/"), None);
        assert_eq!(instance_in("/1.0/images/web"), None);
    }
}
