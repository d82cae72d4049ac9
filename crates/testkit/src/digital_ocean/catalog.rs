//! What the stand-in sells: a few of DigitalOcean's regions, sizes and images.

use serde_json::{Value, json};

/// A size.
pub(super) struct Size {
    pub(super) slug: &'static str,
    pub(super) memory: u64,
    pub(super) vcpus: u32,
    pub(super) disk: u64,
    transfer: f64,
    monthly: f64,
    hourly: f64,
}

const REGIONS: &[(&str, &str, bool)] = &[
    ("nyc3", "New York 3", true),
    ("fra1", "Frankfurt 1", true),
    ("sfo1", "San Francisco 1", false),
];

const fn size(
    slug: &'static str,
    (memory, vcpus, disk): (u64, u32, u64),
    (transfer, monthly, hourly): (f64, f64, f64),
) -> Size {
    Size {
        slug,
        memory,
        vcpus,
        disk,
        transfer,
        monthly,
        hourly,
    }
}

/// The size that one region does not sell, and which region.
const NOT_SOLD: (&str, &str) = ("g-2vcpu-8gb", "fra1");

static SIZES: &[Size] = &[
    size("s-1vcpu-512mb-10gb", (512, 1, 10), (0.5, 4.0, 0.00595)),
    size("s-1vcpu-1gb", (1024, 1, 25), (1.0, 6.0, 0.00893)),
    size("s-2vcpu-4gb", (4096, 2, 80), (4.0, 24.0, 0.03571)),
    size("c-2", (4096, 2, 25), (4.0, 42.0, 0.0625)),
    size("g-2vcpu-8gb", (8192, 2, 25), (4.0, 63.0, 0.09375)),
];

const IMAGES: &[(u64, &str, &str, &str)] = &[
    (11, "debian-12-x64", "Debian", "12 x64"),
    (12, "debian-13-x64", "Debian", "13 x64"),
    (13, "ubuntu-24-04-x64", "Ubuntu", "24.04 (LTS) x64"),
];

pub(super) fn has_region(slug: &str) -> bool {
    REGIONS
        .iter()
        .any(|(known, _, open)| *known == slug && *open)
}

pub(super) fn region(slug: &str) -> Value {
    let name = REGIONS.iter().find(|(known, ..)| *known == slug);
    let (name, available) = name.map_or(("", false), |(_, name, open)| (*name, *open));
    let sizes = SIZES.iter().filter(|size| size.is_sold_in(slug));
    let sizes: Vec<_> = sizes.map(|size| size.slug).collect();
    json!({
        "name": name, "slug": slug, "features": ["backups", "ipv6", "metadata"], "available": available, "sizes": sizes,
    })
}

pub(super) fn regions() -> Vec<Value> {
    REGIONS.iter().map(|(slug, ..)| region(slug)).collect()
}

pub(super) fn sizes() -> Vec<Value> {
    SIZES.iter().map(shown_size).collect()
}

pub(super) fn shown_size(size: &Size) -> Value {
    let regions: Vec<_> = REGIONS
        .iter()
        .filter(|region| region.2 && size.is_sold_in(region.0))
        .map(|region| region.0)
        .collect();
    json!({
        "slug": size.slug, "memory": size.memory, "vcpus": size.vcpus, "disk": size.disk, "transfer": size.transfer,
        "price_monthly": size.monthly, "price_hourly": size.hourly, "regions": regions, "available": true,
        "description": "Basic",
    })
}

// === impl Size ===

impl Size {
    /// Whether a region sells it.
    pub(super) fn is_sold_in(&self, region: &str) -> bool {
        (self.slug, region) != NOT_SOLD
    }
}

/// The size of that slug.
pub(super) fn size_of(slug: &Value) -> Option<&'static Size> {
    SIZES.iter().find(|size| *slug == json!(size.slug))
}

/// The image of that slug or id.
pub(super) fn image(named: &Value) -> Option<Value> {
    let is_it =
        |(id, slug, ..): &&(u64, &str, &str, &str)| *named == json!(slug) || *named == json!(id);
    let (id, slug, distribution, name) = IMAGES.iter().find(is_it)?;
    Some(json!({
        "id": id, "name": name, "type": "base", "distribution": distribution, "slug": slug, "public": true,
        "regions": ["nyc3", "fra1"], "created_at": "2026-01-02T03:04:05Z", "min_disk_size": 7, "size_gigabytes": 0.5,
        "description": name, "tags": [], "status": "available",
    }))
}
