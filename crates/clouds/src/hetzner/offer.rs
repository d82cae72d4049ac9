//! What Hetzner sells: locations, and server types with their prices.
//!
//! Called by `catalog` reads through [`Cloud::offer`](crate::Cloud::offer). A server type has a price for each location and
//! a plan has one: it is that of the dearest, so that nothing costs more than was said. What must stay true: a price is read
//! from the digits that were sent, never through a float; prices are in euros, with the tax that the account pays.

use domain::time::Clock;
use domain::{Money, Plan, Region, Timestamp};

use super::wire::{Location, Price, ServerType, SoldAt};
use super::{Hetzner, wire};
use crate::cloud::{CloudResult, Offer};
use crate::text::{decimal, timestamp};

/// All of Hetzner's prices are in euros.
const CURRENCY: &str = "EUR";
const TERABYTE: u64 = 1_000_000_000_000;

// === impl Hetzner ===

impl Hetzner {
    /// Images are the operator's own, which are known by their distribution.
    pub(super) async fn read_offer(&self) -> CloudResult<Offer> {
        let (locations, types) = tokio::try_join!(
            self.client.list::<Location>(&["locations"], &[]),
            self.client.list::<ServerType>(&["server_types"], &[]),
        )?;
        let region = |location: Location| Region {
            slug: location.name,
            name: location.city,
            endpoint: self.client.host().to_owned(),
            country: location.country,
            open: true,
        };
        let now = Clock::System.now();
        let plans = types.into_iter().filter_map(|one| plan(one, now));
        Ok(Offer {
            regions: locations.into_iter().map(region).collect(),
            plans: plans.collect(),
            images: Vec::new(),
            currency: Some(CURRENCY.to_owned()),
        })
    }
}

/// A server type whose price can't be read is not offered: nobody would know what it costs.
fn plan(sold: ServerType, now: Timestamp) -> Option<Plan> {
    let dearest = |amount: fn(&Price) -> &wire::Amount| {
        let amounts = sold.prices.iter();
        let amounts = amounts.map(|price| decimal(&amount(price).gross));
        amounts.collect::<Option<Vec<Money>>>()?.into_iter().max()
    };
    let hourly = dearest(|price| &price.price_hourly)?;
    let monthly = dearest(|price| &price.price_monthly)?;
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
        plan(sold, timestamp("2026-06-01T00:00:00Z").expect("a time"))
    }

    #[test]
    fn a_plan_costs_what_it_costs_at_most_and_promises_the_least() {
        let plan = sold(&json!({})).expect("is sold");
        assert_eq!(
            (plan.hourly, plan.monthly),
            (Money(8_000), Money(4_900_000))
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
