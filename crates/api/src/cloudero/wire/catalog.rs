//! What is sold: images, packages (plans), regions; and the keys and tags that go with servers.

use std::collections::BTreeMap;
use std::fmt;

use domain::ssh_key::SshKey;
use domain::{Image, Plan, Region};
use serde::de::{self, Deserializer, IntoDeserializer, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::numbers::{Key, Texts};

/// An image.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImageResponse {
    name: String,
    slug: String,
    /// `template` or `application`.
    #[serde(rename = "type")]
    kind: &'static str,
    distribution: String,
    regions: Vec<String>,
    min_cpu: Option<u32>,
    /// In GB.
    min_ram: Option<u64>,
    /// In GB.
    min_disk_size: Option<u64>,
}

/// A package, which is a plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PackageResponse {
    slug: String,
    cpu: u32,
    /// In GB.
    ram: u64,
    /// In GB.
    disk: u64,
    /// In TB a month.
    bandwidth: u32,
    /// A decimal with four places.
    hourly_price: String,
    /// A decimal with four places.
    monthly_price: String,
    regions: Vec<String>,
}

/// A region.
#[derive(Serialize, ToSchema)]
pub(crate) struct RegionResponse {
    slug: String,
    name: String,
    country: String,
    /// Whether new servers may be made there.
    status: bool,
}

/// A key to be added.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateKeyRequest {
    pub(crate) name: String,
    pub(crate) public_key: String,
}

/// A key's new name.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RenameKeyRequest {
    pub(crate) fingerprint: String,
    pub(crate) name: String,
}

/// A key.
#[derive(Deserialize, ToSchema)]
pub(crate) struct KeyRequest {
    pub(crate) fingerprint: String,
}

/// A key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyResponse {
    name: String,
    public_key: String,
    fingerprint: String,
}

/// Tags for servers.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateTagsRequest {
    pub(crate) sub_ids: Keys,
    pub(crate) tags: Texts,
}

/// The ids of servers: a list, or one.
#[derive(ToSchema)]
#[schema(value_type = Vec<i64>)]
pub(crate) struct Keys(Vec<Key>);

struct KeysVisitor;

/// The tags of a server.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ReplaceTagsRequest {
    pub(crate) sub_id: Key,
    /// All of them: an empty list takes away the last.
    pub(crate) tags: Texts,
}

/// A tag.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TagRequest {
    pub(crate) tag: String,
}

/// A tag, and how many servers have it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagResponse {
    count: u64,
    tag: String,
    /// Not kept.
    created_at: Option<String>,
}

// === impl ImageResponse ===

impl ImageResponse {
    pub(crate) fn new(image: Image, regions: &[String]) -> Self {
        let gigabytes = |mib: u64| mib.div_ceil(1024);
        Self {
            kind: if image.packages.is_empty() {
                "template"
            } else {
                "application"
            },
            distribution: distribution(&image.distribution),
            regions: regions.to_vec(),
            min_cpu: image.minimum.cpus,
            min_ram: image.minimum.memory_mib.map(gigabytes),
            min_disk_size: image.minimum.disk_gib,
            name: image.name,
            slug: image.slug,
        }
    }
}

/// `ubuntu-24.04` is `Ubuntu`.
fn distribution(slug: &str) -> String {
    let family = slug.split('-').next().unwrap_or(slug);
    let mut letters = family.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

// === impl PackageResponse ===

impl PackageResponse {
    pub(crate) fn new(plan: Plan, regions: &[String]) -> Self {
        Self {
            cpu: plan.cpus,
            ram: plan.memory_mib.div_ceil(1024),
            disk: plan.disk_gib,
            bandwidth: plan.bandwidth_tb,
            hourly_price: plan.hourly.four_places(),
            monthly_price: plan.monthly.four_places(),
            regions: regions.to_vec(),
            slug: plan.slug,
        }
    }
}

// === impl RegionResponse ===

impl From<Region> for RegionResponse {
    fn from(region: Region) -> Self {
        Self {
            slug: region.slug,
            name: region.name,
            country: region.country,
            status: region.open,
        }
    }
}

// === impl KeyResponse ===

impl KeyResponse {
    /// By name.
    pub(crate) fn all(keys: Vec<SshKey>) -> BTreeMap<String, Self> {
        let shown = |key: SshKey| {
            let response = Self {
                name: key.name.clone(),
                public_key: key.public_key,
                fingerprint: key.fingerprint,
            };
            (key.name, response)
        };
        keys.into_iter().map(shown).collect()
    }
}

// === impl Keys ===

impl Keys {
    pub(crate) fn all(self) -> Vec<i64> {
        self.0.into_iter().map(|key| key.0).collect()
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "sub_ids to be the id of a server, or a list of such ids, which are whole numbers",
        )
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Keys, E> {
        Ok(Keys(vec![Key(number)]))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Keys, E> {
        let key = Key::deserialize(number.into_deserializer())?;
        Ok(Keys(vec![key]))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Keys, E> {
        let key = Key::deserialize(text.into_deserializer());
        let key = key.map_err(|_: E| E::invalid_value(Unexpected::Str(text), &self))?;
        Ok(Keys(vec![key]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        loop {
            // What is wrong with one of them is what is wrong with the list.
            match list.next_element::<Key>() {
                Ok(Some(key)) => keys.push(key),
                Ok(None) => return Ok(Keys(keys)),
                Err(_) => return Err(de::Error::invalid_type(Unexpected::Seq, &self)),
            }
        }
    }
}

// === impl TagResponse ===

impl TagResponse {
    pub(crate) fn all(counts: BTreeMap<String, u64>) -> Vec<Self> {
        let shown = |(tag, count)| Self {
            count,
            tag,
            created_at: None,
        };
        counts.into_iter().map(shown).collect()
    }
}
