//! Providers.

use std::collections::BTreeMap;

use control::providers::{self, Dated, Field, Kind};
use domain::environment::Provider;
use domain::{Money, Plan, PublicId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A provider. Its secrets are masked, but in the answer to the request that brought them.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderResponse {
    #[schema(value_type = Object)]
    pub(crate) provider_meta: Map<String, Value>,
    pub(crate) name: String,
    #[schema(value_type = String)]
    pub(crate) organisation: PublicId,
    #[schema(value_type = String)]
    pub(crate) id: PublicId,
    pub(crate) provider_type: String,
}

/// A kind of provider, from which clients build their prompts.
#[derive(Serialize, ToSchema)]
pub(crate) struct KindResponse {
    pub(crate) description: &'static str,
    /// All that it takes, the seeds' name for it notwithstanding: one that may be empty says so.
    pub(crate) mandatory_fields: Vec<FieldResponse>,
}

/// A field of a form.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldResponse {
    pub(crate) short: &'static str,
    pub(crate) long: &'static str,
    pub(crate) description: &'static str,
}

/// What a provider sells. All values are strings.
#[derive(Serialize, ToSchema)]
pub(crate) struct MetaResponse {
    pub(crate) locations: BTreeMap<String, LocationResponse>,
    /// By family, then by slug.
    pub(crate) sizes: BTreeMap<String, BTreeMap<String, SizeResponse>>,
    /// The slugs of the images, with their names.
    pub(crate) images: BTreeMap<String, String>,
    /// When the cloud was last asked.
    pub(crate) seen_at: String,
}

/// A region.
#[derive(Serialize, ToSchema)]
pub(crate) struct LocationResponse {
    pub(crate) endpoint: String,
    pub(crate) name: String,
}

/// Servers to be taken under management.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportRequest {
    /// The region that they are in.
    pub(crate) region: String,
    /// The environment that they are to be in: one on the same account and in the same region, or a new one.
    pub(crate) environment: String,
    /// The application's id; the default one where absent.
    pub(crate) application: Option<String>,
    /// The cloud's ids of them.
    pub(crate) instances: Vec<String>,
    /// Of what size they count as, where the cloud has no sizes of its own; refused where it has.
    pub(crate) size: Option<String>,
}

/// A size.
#[derive(Serialize, ToSchema)]
pub(crate) struct SizeResponse {
    pub(crate) cores: String,
    pub(crate) disk: String,
    pub(crate) ram: String,
    pub(crate) id: String,
    /// Per hour, with four places; absent where the cloud doesn't tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hourly_price: Option<String>,
    /// Per month, with four places; absent where the cloud doesn't tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) monthly_price: Option<String>,
}

// === impl ProviderResponse ===

impl ProviderResponse {
    pub(crate) fn new(provider: Provider, organisation: &PublicId, reveal: bool) -> Self {
        let meta = if reveal {
            provider.credentials.reveal()
        } else {
            providers::masked(&provider)
        };
        Self {
            provider_meta: meta,
            name: provider.name,
            organisation: organisation.clone(),
            id: provider.public_id,
            provider_type: provider.kind,
        }
    }
}

// === impl KindResponse ===

impl From<Kind> for KindResponse {
    fn from(kind: Kind) -> Self {
        let field = |field: &Field| FieldResponse {
            short: field.short,
            long: field.long,
            description: field.description,
        };
        Self {
            description: kind.description,
            mandatory_fields: kind.fields.iter().map(field).collect(),
        }
    }
}

// === impl MetaResponse ===

impl From<Dated> for MetaResponse {
    fn from(dated: Dated) -> Self {
        let offer = dated.offer;
        let mut sizes: BTreeMap<String, BTreeMap<String, SizeResponse>> = BTreeMap::new();
        for plan in offer.plans.iter().filter(|plan| plan.open) {
            sizes.entry(plan.family.clone()).or_default().insert(
                plan.slug.clone(),
                SizeResponse::new(plan, dated.prices_may_lack),
            );
        }
        let location = |region: domain::Region| {
            (
                region.slug,
                LocationResponse {
                    endpoint: region.endpoint,
                    name: region.name,
                },
            )
        };
        let images = offer.images.into_iter().filter(|image| image.open);
        Self {
            locations: offer
                .regions
                .into_iter()
                .filter(|region| region.open)
                .map(location)
                .collect(),
            sizes,
            images: images.map(|image| (image.slug, image.name)).collect(),
            seen_at: dated.seen_at.rfc3339(),
        }
    }
}

impl SizeResponse {
    fn new(plan: &Plan, prices_may_lack: bool) -> Self {
        let price = |price: Money| {
            let is_known = price != Money(0) || !prices_may_lack;
            is_known.then(|| price.four_places())
        };
        let ram = if plan.memory_mib.is_multiple_of(1024) {
            format!("{} GiB", plan.memory_mib / 1024)
        } else {
            format!("{} MiB", plan.memory_mib)
        };
        Self {
            cores: plan.cpus.to_string(),
            disk: format!("{} GiB", plan.disk_gib),
            ram,
            id: plan.slug.clone(),
            hourly_price: price(plan.hourly),
            monthly_price: price(plan.monthly),
        }
    }
}
