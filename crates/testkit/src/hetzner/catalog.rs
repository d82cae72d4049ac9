//! What the stand-in sells: a few of Hetzner's locations, server types and images, and what addresses cost.

use serde_json::{Value, json};

/// A server type.
pub(super) struct ServerType {
    pub(super) id: u64,
    pub(super) name: &'static str,
    architecture: &'static str,
    cpu_type: &'static str,
    cores: u32,
    memory: f64,
    pub(super) disk: u64,
    hourly: &'static str,
    monthly: &'static str,
}

const LOCATIONS: &[(u64, &str, &str, &str, &str)] = &[
    (1, "fsn1", "Falkenstein", "DE", "eu-central"),
    (2, "nbg1", "Nuremberg", "DE", "eu-central"),
    (4, "ash", "Ashburn, VA", "US", "us-east"),
];

const fn sold(
    (id, name): (u64, &'static str),
    (architecture, cpu_type): (&'static str, &'static str),
    (cores, memory, disk): (u32, f64, u64),
    (hourly, monthly): (&'static str, &'static str),
) -> ServerType {
    ServerType {
        id,
        name,
        architecture,
        cpu_type,
        cores,
        memory,
        disk,
        hourly,
        monthly,
    }
}

static SOLD: &[ServerType] = &[
    sold(
        (114, "cx23"),
        ("x86", "shared"),
        (2, 4.0, 40),
        ("0.0056", "3.4900"),
    ),
    sold(
        (115, "cx33"),
        ("x86", "shared"),
        (4, 8.0, 80),
        ("0.0088", "5.4900"),
    ),
    // As large a disk as the smallest has.
    sold(
        (116, "ccx03"),
        ("x86", "dedicated"),
        (2, 8.0, 40),
        ("0.0200", "12.4900"),
    ),
    sold(
        (45, "cax11"),
        ("arm", "shared"),
        (2, 4.0, 40),
        ("0.0061", "3.7900"),
    ),
];

/// The server type that one location does not sell, and which location.
const NOT_SOLD: (&str, &str) = ("cax11", "ash");

const IMAGES: &[(u64, &str, &str, &str, &str)] = &[
    (114_690_387, "debian-12", "debian", "12", "x86"),
    (114_690_389, "debian-12", "debian", "12", "arm"),
    (310_557_660, "debian-13", "debian", "13", "x86"),
    (161_547_269, "ubuntu-24.04", "ubuntu", "24.04", "x86"),
];

pub(super) fn location(name: &str) -> Option<Value> {
    let (id, name, city, country, zone) = LOCATIONS.iter().find(|one| one.1 == name)?;
    Some(json!({
        "id": id, "name": name, "description": format!("{city} DC Park 1"), "country": country, "city": city,
        "latitude": 50.476, "longitude": 12.37, "network_zone": zone,
    }))
}

pub(super) fn locations() -> Vec<Value> {
    let names = LOCATIONS.iter().filter_map(|one| location(one.1));
    names.collect()
}

/// The server type of that name or id.
pub(super) fn server_type(named: &Value) -> Option<&'static ServerType> {
    let is_it =
        |sold: &&ServerType| *named == json!(sold.name) || *named == json!(sold.id.to_string());
    SOLD.iter().find(is_it)
}

pub(super) fn server_types() -> Vec<Value> {
    SOLD.iter().map(ServerType::shown).collect()
}

/// What costs money besides servers: their IPv4 addresses, which are dearer in one location.
pub(super) fn pricing() -> Value {
    let prices = |usual: (&str, &str), dearer: (&str, &str)| {
        let price = |place: &(u64, &str, &str, &str, &str)| {
            let (hourly, monthly) = if place.1 == "ash" { dearer } else { usual };
            json!({ "location": place.1, "price_hourly": amount(hourly), "price_monthly": amount(monthly) })
        };
        LOCATIONS.iter().map(price).collect::<Vec<_>>()
    };
    let ipv4 = prices(("0.0008", "0.5000"), ("0.0010", "0.6000"));
    let ipv6 = prices(("0.0000", "0.0000"), ("0.0000", "0.0000"));
    let by_gigabyte = json!({ "price_per_gb_month": amount("0.0440") });
    json!({
        "pricing": {
            "currency": "EUR", "vat_rate": "0.00", "image": by_gigabyte, "volume": by_gigabyte,
            "primary_ips": [{ "type": "ipv4", "prices": ipv4 }, { "type": "ipv6", "prices": ipv6 }],
            "floating_ip": { "price_monthly": amount("3.0000") }, "floating_ips": [], "load_balancer_types": [],
            "server_backup": { "percentage": "20.00" }, "server_types": [],
        },
    })
}

fn amount(net: &str) -> Value {
    json!({ "net": net, "gross": format!("{net}000000") })
}

pub(super) fn images() -> Vec<Value> {
    let shown = |(id, name, flavor, version, architecture): &(u64, &str, &str, &str, &str)| {
        json!({
            "id": id, "type": "system", "status": "available", "name": name, "description": format!("{flavor} {version}"),
            "image_size": null, "disk_size": 5, "created": "2026-01-02T03:04:05+00:00", "created_from": null, "bound_to": null,
            "os_flavor": flavor, "os_version": version, "rapid_deploy": true, "protection": { "delete": false },
            "deprecated": null, "deleted": null, "labels": {}, "architecture": architecture,
        })
    };
    IMAGES.iter().map(shown).collect()
}

// === impl ServerType ===

impl ServerType {
    /// Whether an image runs on it.
    pub(super) fn fits(&self, image: &Value) -> bool {
        image["architecture"] == json!(self.architecture)
            && image["disk_size"].as_f64() <= Some(self.disk_size())
    }

    /// Whether a location sells it.
    pub(super) fn is_sold_in(&self, location: &str) -> bool {
        (self.name, location) != NOT_SOLD
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    fn disk_size(&self) -> f64 {
        self.disk as f64
    }

    pub(super) fn architecture(&self) -> &'static str {
        self.architecture
    }

    pub(super) fn shown(&self) -> Value {
        let sold = LOCATIONS.iter().filter(|place| self.is_sold_in(place.1));
        let prices: Vec<_> = sold
            .clone()
            .map(|place| {
                json!({
                    "location": place.1, "price_hourly": amount(self.hourly), "price_monthly": amount(self.monthly),
                    "included_traffic": 21_990_232_555_520_u64, "price_per_tb_traffic": amount("1.0000"),
                })
            })
            .collect();
        let places: Vec<_> = sold
            .map(|place| {
                json!({
                    "id": place.0, "name": place.1, "deprecation": null, "available": true, "recommended": true,
                })
            })
            .collect();
        json!({
            "id": self.id, "name": self.name, "description": self.name.to_uppercase(), "category": "Cost-Optimized",
            "cores": self.cores, "memory": self.memory, "disk": self.disk, "deprecated": false, "deprecation": null,
            "prices": prices, "storage_type": "local", "cpu_type": self.cpu_type, "architecture": self.architecture,
            "locations": places,
        })
    }
}
