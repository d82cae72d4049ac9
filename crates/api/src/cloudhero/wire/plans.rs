//! Plans: what a change would do.

use control::environments::preview::{Preview, Price};
use domain::PublicId;
use domain::server::Server;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What a change would do. Nothing of it was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanResponse {
    /// To be sent as `X-Plan` with the same request, which is refused then where it would do anything else.
    plan: String,
    /// The servers that would be made.
    make: Vec<PlannedNodeResponse>,
    /// Those that are there, and would be taken under management.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    import: Vec<PlannedNodeResponse>,
    /// Those that would be destroyed.
    destroy: Vec<PlannedNodeResponse>,
    /// Those whose import never ended: they go from here, and stay at their cloud as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    give_back: Vec<PlannedNodeResponse>,
    /// The calls that would change something at the cloud; those that only look are not among them.
    calls: Vec<PlannedCallResponse>,
    price: PlannedPriceResponse,
    /// What can't be undone.
    irreversible: Vec<String>,
}

/// A node that would be made or destroyed.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedNodeResponse {
    /// Its id, where it is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    id: Option<PublicId>,
    /// The cloud's id, where the cloud has it already.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    name: String,
    size: String,
    image: String,
    packages: Vec<String>,
    #[schema(value_type = Object)]
    tags: Map<String, Value>,
}

/// A call at the cloud.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedCallResponse {
    /// As the cloud's documentation names it.
    call: String,
    /// What it does.
    does: String,
}

/// What the environment costs. Amounts are decimals with four places.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedPriceResponse {
    /// The code of the currency; absent where nobody asks for money.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// How much more an hour costs; negative where it is less.
    hourly_difference: String,
    /// How much more a month costs at the most.
    monthly_difference: String,
    /// What an hour of all of the environment costs then.
    hourly: String,
    /// What a month of it costs at the most.
    monthly: String,
    /// The sizes whose price the cloud does not tell; they are not in the sums.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
}

// === impl PlanResponse ===

impl From<Preview> for PlanResponse {
    fn from(preview: Preview) -> Self {
        let new = |server| PlannedNodeResponse {
            id: None,
            ..PlannedNodeResponse::from(server)
        };
        let calls = preview.calls.into_iter().map(|call| PlannedCallResponse {
            call: call.call,
            does: call.does,
        });
        Self {
            plan: preview.hash,
            make: preview.made.into_iter().map(new).collect(),
            import: preview.taken.into_iter().map(new).collect(),
            destroy: preview.going.into_iter().map(Into::into).collect(),
            give_back: preview.given_back.into_iter().map(Into::into).collect(),
            calls: calls.collect(),
            price: preview.price.into(),
            irreversible: preview.irreversible,
        }
    }
}

// === impl PlannedNodeResponse ===

impl From<Server> for PlannedNodeResponse {
    fn from(server: Server) -> Self {
        Self {
            id: Some(server.public_id),
            instance: server.cloud_id,
            name: server.name,
            size: server.plan,
            image: server.image,
            packages: server.packages,
            tags: server.tags,
        }
    }
}

// === impl PlannedPriceResponse ===

impl From<Price> for PlannedPriceResponse {
    fn from(price: Price) -> Self {
        Self {
            currency: price.currency,
            hourly_difference: price.difference.hourly.four_places(),
            monthly_difference: price.difference.monthly.four_places(),
            hourly: price.afterwards.hourly.four_places(),
            monthly: price.afterwards.monthly.four_places(),
            unknown: price.unknown,
        }
    }
}
