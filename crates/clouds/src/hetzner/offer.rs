//! What Hetzner sells: locations, and server types with their prices.
//!
//! Called by `catalog` reads through [`Cloud::offer`](crate::Cloud::offer), and by `create` for what a location sells. A
//! server type has a price for each location and a plan has one: it is that of the dearest, so that nothing costs more than
//! was said. Each server gets an IPv4 address, which has a price of its own: the plan's is that of both. What must stay true:
//! a price is read from the digits that were sent, never through a float; prices are in euros, with the tax that the account
//! pays.

use domain::time::Clock;
use domain::{Money, Plan, Region, Timestamp};

use super::wire::{Amount, Location, OnePricing, Price, Pricing, ServerType, SoldAt};
use super::{Hetzner, errors};
use crate::cloud::{CloudResult, Offer};
use crate::text::{decimal, timestamp};

/// All of Hetzner's prices are in euros.
const CURRENCY: &str = "EUR";
const TERABYTE: u64 = 1_000_000_000_000;

// === impl Hetzner ===

impl Hetzner {
    /// Images are the operator's own, which are known by their distribution.
    pub(super) async fn read_offer(&self) -> CloudResult<Offer> {
        let (locations, types, sold) = tokio::try_join!(
            self.client.list::<Location>(&["locations"], &[]),
            self.client.list::<ServerType>(&["server_types"], &[]),
            self.client.get::<OnePricing>(&["pricing"]),
        )?;
        let address = address(&sold.pricing)
            .ok_or_else(|| errors::lost("it tells no price of an IPv4 address", false))?;
        let region = |location: Location| Region {
            slug: location.name,
            name: location.city,
            endpoint: self.client.host().to_owned(),
            country: location.country,
            open: true,
        };
        let now = Clock::System.now();
        let plans = types.into_iter().filter_map(|one| plan(one, address, now));
        Ok(Offer {
            regions: locations.into_iter().map(region).collect(),
            plans: plans.collect(),
            images: Vec::new(),
            currency: Some(CURRENCY.to_owned()),
        })
    }

    /// What an image for a server type has to fit. Refuses a server type that a location does not sell, as Hetzner does when
    /// there are a firewall and a network for it already.
    pub(super) async fn architecture_in(&self, name: &str, location: &str) -> CloudResult<String> {
        let ask = async {
            let parameters = [("name", name)];
            let found = self.client.list(&["server_types"], &parameters).await?;
            let found: Option<ServerType> = found.into_iter().next();
            let found = found.map(|found| sale(found, Clock::System.now()));
            found.ok_or_else(|| {
                errors::rejected(format!("Hetzner Cloud has no server type {name:?}"))
            })
        };
        let sale = self.sales.get(name, ask).await?;
        if sale.locations.iter().any(|one| one == location) {
            return Ok(sale.architecture);
        }
        Err(errors::rejected(format!(
            "{name} is not sold in {location}"
        )))
    }
}

/// What is kept of a server type.
#[derive(Debug, Clone)]
pub(super) struct Sale {
    architecture: String,
    /// Where new servers of it may be made.
    locations: Vec<String>,
}

fn sale(sold: ServerType, now: Timestamp) -> Sale {
    let open = sold.locations.into_iter();
    let open = open.filter(|place| is_open(place, now));
    Sale {
        architecture: sold.architecture,
        locations: open.map(|place| place.name).collect(),
    }
}

/// What something costs for an hour and for a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Costs {
    hourly: Money,
    monthly: Money,
}

/// What an IPv4 address costs at most.
fn address(sold: &Pricing) -> Option<Costs> {
    let ipv4 = sold.primary_ips.iter().filter(|sold| sold.kind == "ipv4");
    let prices: Vec<_> = ipv4.flat_map(|sold| &sold.prices).collect();
    Some(Costs {
        hourly: dearest(prices.iter().map(|price| &price.price_hourly))?,
        monthly: dearest(prices.iter().map(|price| &price.price_monthly))?,
    })
}

/// The largest amount; `None` where there is none, and where one can't be read.
fn dearest<'a>(amounts: impl Iterator<Item = &'a Amount>) -> Option<Money> {
    let amounts = amounts.map(|amount| decimal(&amount.gross));
    amounts.collect::<Option<Vec<Money>>>()?.into_iter().max()
}

/// A server type whose price can't be read is not offered: nobody would know what it costs.
fn plan(sold: ServerType, address: Costs, now: Timestamp) -> Option<Plan> {
    let with = |address: Money, amount: fn(&Price) -> &Amount| {
        let Money(server) = dearest(sold.prices.iter().map(amount))?;
        server.checked_add(address.0).map(Money)
    };
    let hourly = with(address.hourly, |price| &price.price_hourly)?;
    let monthly = with(address.monthly, |price| &price.price_monthly)?;
    let Money(millionths) = decimal(sold.memory.get())?;
    let traffic = sold.prices.iter().map(|price| price.included_traffic).min();
    Some(Plan {
        family: family(&sold),
        cpus: sold.cores,
        memory_mib: u64::try_from(millionths).ok()?.checked_mul(1024)? / 1_000_000,
        disk_gib: sold.disk,
        bandwidth_tb: u32::try_from(traffic.unwrap_or(0) / TERABYTE).unwrap_or(0),
        hourly,
        monthly,
        open: sold.locations.iter().any(|place| is_open(place, now)),
        slug: sold.name,
    })
}

fn family(sold: &ServerType) -> String {
    let processors = if sold.cpu_type == "dedicated" {
        "Dedicated vCPU"
    } else {
        "Shared vCPU"
    };
    match &sold.category {
        Some(category) if !category.is_empty() => category.clone(),
        _ if sold.architecture == "arm" => format!("{processors} (Arm)"),
        _ => processors.to_owned(),
    }
}

/// Whether new servers of it may be made there.
fn is_open(place: &SoldAt, now: Timestamp) -> bool {
    let is_past = place.deprecation.as_ref().is_some_and(|deprecation| {
        timestamp(&deprecation.unavailable_after).is_some_and(|end| end <= now)
    });
    place.available != Some(false) && !is_past
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sold(changed: &Value) -> Option<Plan> {
        let mut sold = json!({
            "name": "cx23", "category": "Cost-Optimized", "cpu_type": "shared", "architecture": "x86", "cores": 2,
            "memory": 4.0, "disk": 40, "locations": [{ "name": "fsn1", "deprecation": null, "available": true }],
            "prices": [
                { "location": "fsn1", "included_traffic": 21_990_232_555_520_u64,
                  "price_hourly": { "net": "0.0060", "gross": "0.0071400000000000" },
                  "price_monthly": { "net": "3.7900", "gross": "4.5101000000000000" } },
                { "location": "hel1", "included_traffic": 1_099_511_627_776_u64,
                  "price_hourly": { "net": "0.0060", "gross": "0.0080" },
                  "price_monthly": { "net": "3.7900", "gross": "4.9" } },
            ],
        });
        for (key, value) in changed.as_object().expect("an object") {
            sold[key] = value.clone();
        }
        let sold = serde_json::from_str(&sold.to_string()).expect("is read");
        let address = Costs {
            hourly: Money(1_000),
            monthly: Money(600_000),
        };
        let now = timestamp("2026-06-01T00:00:00Z").expect("a time");
        plan(sold, address, now)
    }

    #[test]
    fn an_ipv4_address_costs_what_it_costs_at_most() {
        let amount = |gross: &str| json!({ "net": "0.0001", "gross": gross });
        let price = |hourly: &str, monthly: &str| {
            json!({
                "location": "fsn1", "price_hourly": amount(hourly), "price_monthly": amount(monthly),
            })
        };
        let read = |sold: &Value| {
            let sold = json!({ "primary_ips": sold });
            address(&serde_json::from_value(sold).expect("is read"))
        };
        let sold = json!([
            { "type": "ipv6", "prices": [price("0.0090", "9.0000")] },
            { "type": "ipv4", "prices": [price("0.0010", "0.5000"), price("0.0009", "0.6000")] },
        ]);
        let expected = Costs {
            hourly: Money(1_000),
            monthly: Money(600_000),
        };
        assert_eq!(read(&sold), Some(expected));
        for unknown in [
            json!([]),
            json!([sold[0]]),
            json!([{ "type": "ipv4", "prices": [] }]),
        ] {
            assert_eq!(read(&unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_plan_costs_what_it_costs_at_most_and_promises_the_least() {
        let plan = sold(&json!({})).expect("is sold");
        assert_eq!(
            (plan.hourly, plan.monthly),
            (Money(9_000), Money(5_500_000))
        );
        assert_eq!((plan.cpus, plan.memory_mib, plan.disk_gib), (2, 4096, 40));
        assert_eq!((plan.bandwidth_tb, plan.open), (1, true));
        assert_eq!(plan.family, "Cost-Optimized");
        let half = sold(&json!({ "memory": 0.5, "category": null })).expect("is sold");
        assert_eq!(
            (half.memory_mib, half.family.as_str()),
            (512, "Shared vCPU")
        );
    }

    #[test]
    fn what_has_no_price_is_not_offered() {
        assert_eq!(sold(&json!({ "prices": [] })), None);
    }

    #[test]
    fn what_is_sold_nowhere_any_more_is_closed() {
        let past = json!({ "unavailable_after": "2026-05-01T00:00:00Z", "announced": "2026-01-01T00:00:00Z" });
        let later = json!({ "unavailable_after": "2026-07-01T00:00:00Z", "announced": "2026-01-01T00:00:00Z" });
        for (locations, open) in [
            (json!([]), false),
            (json!([{ "deprecation": past }]), false),
            (
                json!([{ "deprecation": past }, { "deprecation": later }]),
                true,
            ),
            (json!([{ "deprecation": null, "available": false }]), false),
        ] {
            let plan = sold(&json!({ "locations": locations })).expect("has a price");
            assert_eq!(plan.open, open, "{locations}");
        }
    }
}
