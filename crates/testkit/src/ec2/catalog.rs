//! What the stand-in sells: a few of Amazon's regions, types and published images.

use std::collections::BTreeMap;

use super::asked::{Asked, fits};
use super::calls::{Reply, refuse};
use super::disks::Shown;
use super::world::{Kept, World};
use super::xml::{element, items, text};

/// The number of the account.
pub(super) const ACCOUNT: &str = "123456789012";

const REGIONS: &[&str] = &["us-east-1", "us-west-2", "eu-central-1"];

/// A type: its name, whether it is of the current generation, its architecture, its cores and its memory in MiB.
type Type = (&'static str, bool, &'static str, u32, u64);

const TYPES: &[Type] = &[
    ("t2.micro", true, "x86_64", 1, 1024),
    ("t2.small", true, "x86_64", 1, 2048),
    ("t3.small", true, "x86_64", 2, 2048),
    ("t3.large", true, "x86_64", 2, 8192),
    ("t4g.small", true, "arm64", 2, 2048),
    ("m4.large", true, "x86_64", 2, 8192),
    ("c4.xlarge", true, "x86_64", 4, 7680),
    ("i2.xlarge", false, "x86_64", 4, 31_232),
    ("r3.large", false, "x86_64", 2, 15_360),
];

/// The types that the other regions don't have.
const IN_THE_FIRST_ALONE: &[&str] = &["i2.xlarge", "r3.large"];

/// An image: its id, its owner, its name, its day, where its root disk is, and the least size of that in GiB.
type Published = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u64,
);

const DEBIAN: &str = "136693071363";
const CANONICAL: &str = "099720109477";

const IMAGES: &[Published] = &[
    (
        "ami-0d12000000000001",
        DEBIAN,
        "debian-12-amd64-20260115-1993",
        "2026-01-15",
        "/dev/xvda",
        8,
    ),
    (
        "ami-0d12000000000002",
        DEBIAN,
        "debian-12-amd64-20260914-2240",
        "2026-09-14",
        "/dev/xvda",
        8,
    ),
    (
        "ami-0d13000000000001",
        DEBIAN,
        "debian-13-amd64-20261012-2270",
        "2026-10-12",
        "/dev/xvda",
        8,
    ),
    (
        "ami-0bad000000000001",
        "666666666666",
        "debian-12-amd64-20261101-9999",
        "2026-11-01",
        "/dev/xvda",
        8,
    ),
    (
        "ami-0a24000000000001",
        CANONICAL,
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261020",
        "2026-10-20",
        "/dev/sda1",
        8,
    ),
    (
        "ami-0a22000000000001",
        CANONICAL,
        "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20261020",
        "2026-10-20",
        "/dev/sda1",
        8,
    ),
    (
        WITH_DATA,
        "777777777777",
        "database-7-amd64",
        "2026-10-20",
        "/dev/xvda",
        8,
    ),
];

/// The image that brings a second disk, which stays where nobody says otherwise.
const WITH_DATA: &str = "ami-0da7a00000000001";

pub(super) fn regions() -> String {
    let shown = |region: &&str| {
        [
            text("regionName", region),
            text("regionEndpoint", format!("ec2.{region}.amazonaws.com")),
            text("optInStatus", "opt-in-not-required"),
        ]
        .concat()
    };
    items("regionInfo", REGIONS.iter().map(shown))
}

pub(super) fn has_type(name: &str) -> bool {
    TYPES.iter().any(|(known, ..)| *known == name)
}

/// Whether a region has a type that there is.
pub(super) fn is_offered(region: &str, name: &str) -> bool {
    region == REGIONS[0] || !IN_THE_FIRST_ALONE.contains(&name)
}

pub(super) fn offerings(world: &World, asked: &Asked) -> Reply {
    let filters = asked.fields.filters()?;
    if asked.fields.text("LocationType") != "region" {
        return Err(refuse(
            400,
            "InvalidParameterValue",
            "regions alone are asked about",
        ));
    }
    let is = |name: &str| {
        let asks = |(filter, values): &(String, Vec<String>)| {
            filter == "instance-type" && values.iter().any(|wanted| fits(wanted, name))
        };
        filters.iter().all(asks)
    };
    let names = TYPES.iter().map(|(name, ..)| *name);
    let found: Vec<_> = names
        .filter(|name| is_offered(&asked.region, name) && is(name))
        .collect();
    let (page, next) = asked.fields.page(found, world.page);
    let shown = page.into_iter().map(|name| {
        [
            text("instanceType", name),
            text("locationType", "region"),
            text("location", &asked.region),
        ]
        .concat()
    });
    let next = next.map(|token| text("nextToken", token));
    let shown = items("instanceTypeOfferingSet", shown);
    Ok([shown, next.unwrap_or_default()].concat())
}

pub(super) fn types(world: &World, asked: &Asked) -> Reply {
    let filters = asked.fields.filters()?;
    for (name, _) in &filters {
        if name != "processor-info.supported-architecture" {
            let message = format!("The filter '{name}' is invalid");
            return Err(refuse(400, "InvalidParameterValue", message));
        }
    }
    let is = |(name, _, architecture, ..): &&Type| {
        let asks = |(_, values): &(String, Vec<String>)| {
            values.iter().any(|wanted| fits(wanted, architecture))
        };
        is_offered(&asked.region, name) && filters.iter().all(asks)
    };
    let found: Vec<&Type> = TYPES.iter().filter(is).collect();
    let (page, next) = asked.fields.page(found, world.page.min(100));
    let shown = page
        .into_iter()
        .map(|(name, current, architecture, cores, memory)| {
            let architectures = items("supportedArchitectures", [(*architecture).to_owned()]);
            [
                text("instanceType", name),
                text("currentGeneration", current),
                text("bareMetal", false),
                text("hypervisor", "nitro"),
                element("processorInfo", &architectures),
                element("vCpuInfo", &text("defaultVCpus", cores)),
                element("memoryInfo", &text("sizeInMiB", memory)),
            ]
            .concat()
        });
    let next = next.map(|token| text("nextToken", token));
    Ok([items("instanceTypeSet", shown), next.unwrap_or_default()].concat())
}

/// What others publish.
pub(super) fn images() -> impl Iterator<Item = Shown> {
    IMAGES
        .iter()
        .map(|(id, owner, name, day, device, size)| Shown {
            id: (*id).to_owned(),
            owner,
            name: (*name).to_owned(),
            state: "available",
            made_at: format!("{day}T00:00:00.000Z"),
            disks: disks(id, device, *size),
            tags: BTreeMap::new(),
        })
}

fn disks(id: &str, device: &str, size: u64) -> Vec<Kept> {
    let root = Kept {
        device: device.to_owned(),
        size,
        snapshot: id.replace("ami-", "snap-"),
        goes: true,
    };
    let data = Kept {
        device: "/dev/sdf".to_owned(),
        size: 20,
        snapshot: id.replace("ami-0", "snap-1"),
        goes: false,
    };
    let data = (id == WITH_DATA).then_some(data);
    std::iter::once(root).chain(data).collect()
}
