//! Environments and their nodes.

use control::environments::{EnvironmentView, NewNode, Selector};
use domain::server::Server;
use domain::{Error, PublicId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An environment to be made.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateEnvironmentRequest {
    pub(crate) provider_id: String,
    pub(crate) region: String,
    /// Its name.
    pub(crate) environment: String,
    #[serde(default)]
    pub(crate) nodes: Vec<NodeRequest>,
    /// The ids of the integrations that it uses.
    #[serde(default)]
    pub(crate) integrations: Vec<String>,
}

/// A node to be made.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NodeRequest {
    pub(crate) name: String,
    pub(crate) size: String,
    #[serde(default)]
    pub(crate) packages: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) tags: Map<String, Value>,
    pub(crate) image: Option<String>,
    /// How many alike; over 1 they are `NAME-1`, `NAME-2` and so on.
    pub(crate) count: Option<i64>,
}

/// More or fewer of the nodes that bear a name or tags.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ScaleRequest {
    pub(crate) name: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(crate) tags: Option<Map<String, Value>>,
    #[serde(default = "one")]
    pub(crate) count: i64,
}

fn one() -> i64 {
    1
}

/// The answer to a request for an environment.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedEnvironmentResponse {
    /// Whether every node runs and its packages are installed, at this moment.
    pub(crate) ready: bool,
    /// Its id.
    #[schema(value_type = String)]
    pub(crate) environment: PublicId,
    /// The organisation's id.
    #[schema(value_type = String)]
    pub(crate) account: PublicId,
}

/// The answer to a request that added or removed nodes.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodesResponse {
    message: String,
    /// The environment's id.
    #[schema(value_type = String)]
    id: PublicId,
    nodes: Vec<NodeResponse>,
}

/// An environment.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnvironmentResponse {
    #[schema(value_type = String)]
    pub(crate) id: PublicId,
    pub(crate) name: String,
    pub(crate) os_region: String,
    pub(crate) application: NamedResponse,
    pub(crate) provider: EnvironmentProviderResponse,
    pub(crate) nodes: Vec<NodeResponse>,
    pub(crate) ready: bool,
    /// `ready`, `working`, `degraded`, `stopped` or `deleting`.
    pub(crate) status: &'static str,
    pub(crate) created_at: String,
}

/// A thing's id and name.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedResponse {
    #[schema(value_type = String)]
    pub(crate) id: PublicId,
    pub(crate) name: String,
}

/// An environment's provider.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnvironmentProviderResponse {
    #[schema(value_type = String)]
    pub(crate) id: PublicId,
    pub(crate) name: String,
    /// The SSH login of the image.
    pub(crate) username: String,
    pub(crate) provider_type: String,
}

/// A node.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeResponse {
    #[schema(value_type = String)]
    pub(crate) id: PublicId,
    pub(crate) name: String,
    pub(crate) size: String,
    pub(crate) packages: Vec<String>,
    #[schema(value_type = Object)]
    pub(crate) tags: Map<String, Value>,
    pub(crate) public_ip: String,
    pub(crate) private_ip: String,
    pub(crate) status: &'static str,
    pub(crate) image: String,
    pub(crate) created_at: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

// === impl NodeRequest ===

impl From<NodeRequest> for NewNode {
    fn from(node: NodeRequest) -> Self {
        Self {
            name: node.name,
            size: node.size,
            packages: node.packages,
            tags: node.tags,
            image: node.image,
            count: node.count,
        }
    }
}

// === impl ScaleRequest ===

impl ScaleRequest {
    /// Which nodes are meant.
    pub(crate) fn selector(self) -> Result<(Selector, i64), Error> {
        let selector = match (self.name, self.tags) {
            (Some(name), None) => Selector::Name(name),
            (None, Some(tags)) => Selector::Tags(tags),
            _ => {
                return Err(
                    Error::invalid("send either name or tags; nothing was changed").field("name"),
                );
            }
        };
        Ok((selector, self.count))
    }
}

// === impl NodesResponse ===

impl NodesResponse {
    /// What is told of the nodes of an environment to which something is `being done`.
    pub(crate) fn new(id: PublicId, nodes: Vec<Server>, being_done: &str) -> Self {
        let message = match nodes.len() {
            1 => format!("1 node is {being_done}"),
            count => format!("{count} nodes are {being_done}"),
        };
        Self {
            message,
            id,
            nodes: nodes.into_iter().map(Into::into).collect(),
        }
    }
}

// === impl EnvironmentResponse ===

impl From<EnvironmentView> for EnvironmentResponse {
    fn from(view: EnvironmentView) -> Self {
        let username = view
            .servers
            .first()
            .map_or("root", |server| &server.login_user)
            .to_owned();
        Self {
            ready: view.is_ready(),
            status: view.status(),
            id: view.environment.public_id,
            name: view.environment.name,
            os_region: view.environment.region,
            application: NamedResponse {
                id: view.application.public_id,
                name: view.application.name,
            },
            provider: EnvironmentProviderResponse {
                id: view.provider.public_id,
                name: view.provider.name,
                username,
                provider_type: view.provider.kind,
            },
            nodes: view.servers.into_iter().map(NodeResponse::from).collect(),
            created_at: view.environment.created_at.rfc3339(),
        }
    }
}

// === impl NodeResponse ===

impl From<Server> for NodeResponse {
    fn from(server: Server) -> Self {
        Self {
            status: server.status(),
            id: server.public_id,
            name: server.name,
            size: server.plan,
            packages: server.packages,
            tags: server.tags,
            public_ip: server.public_ip.unwrap_or_default(),
            private_ip: server.private_ip.unwrap_or_default(),
            image: server.image,
            created_at: server.created_at.rfc3339(),
            error: server.error,
        }
    }
}
