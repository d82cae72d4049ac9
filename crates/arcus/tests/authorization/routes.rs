//! Every route of the authorisation table, as a request that works.

use api::{Access, CLOUDHERO_ACCESS};
use domain::Role;
use serde_json::{Value, json};
use testkit::{Answer, Client, Method, Scene};

/// A route and who may call it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

/// One of each thing that has an id.
#[derive(Debug, Clone)]
pub(crate) struct Things {
    pub(crate) provider: String,
    pub(crate) application: String,
    pub(crate) environment: String,
    pub(crate) node: String,
    pub(crate) integration: String,
}

/// Every route, a HEAD beside each GET.
pub(crate) fn all() -> Vec<Route> {
    let mut all = Vec::new();
    for (method, path, access) in CLOUDHERO_ACCESS {
        let route = |method| Route {
            method,
            path,
            access: *access,
        };
        all.push(route(method));
        if *method == "GET" {
            all.push(route("HEAD"));
        }
    }
    all
}

// === impl Route ===

impl Route {
    pub(crate) fn is_public(&self) -> bool {
        self.access == Access::Public
    }

    /// Whether a member is refused.
    pub(crate) fn is_for_admins(&self) -> bool {
        matches!(self.access, Access::Role(role) if role > Role::Member)
    }

    pub(crate) fn method(&self) -> Method {
        Method::from_bytes(self.method.as_bytes()).expect("a method")
    }

    /// Its address for one of these things.
    pub(crate) fn address(&self, things: &Things) -> String {
        let Some((start, end)) = self.path.split_once("{id}") else {
            return self.path.to_owned();
        };
        let id = match start {
            "/providers/" => &things.provider,
            "/applications/" => &things.application,
            "/environments/" => &things.environment,
            "/nodes/" => &things.node,
            "/integrations/" => &things.integration,
            other => panic!("{other} is new: which thing is meant?"),
        };
        format!("{start}{id}{end}")
    }

    /// A body with which it does what it is for; `None` where it takes none.
    pub(crate) fn body(&self, things: &Things) -> Option<Value> {
        if matches!(self.method, "GET" | "HEAD" | "OPTIONS") {
            return None;
        }
        let node = json!({"name": "more", "size": "eos1"});
        let account = json!({
            "type": "docker-hub", "name": "Another", "url": "https://index.docker.io/v1/",
            "username": "me", "password": "secretpass",
        });
        Some(match (self.method, self.path) {
            (_, "/accounts/register" | "/accounts/tokens") => json!({}),
            (_, "/providers") => json!({"cloud_provider": "arcus", "provider_name": "another"}),
            (_, "/applications") => json!({"application_name": "Another"}),
            (_, "/environments" | "/applications/{id}/environments") => json!({
                "provider_id": things.provider, "region": "sandbox", "environment": "another",
                "nodes": [node],
            }),
            (_, "/providers/{id}/import") => json!({
                "region": "sandbox", "environment": "another", "instances": ["sbx-unknown"],
            }),
            (_, "/environments/{id}/nodes") => json!([node]),
            (_, "/environments/{id}/scale") => json!({"name": "web"}),
            (_, "/integrations" | "/integrations/docker-hub") => account,
            (_, "/history" | "/feedback") => json!({"text": "..."}),
            _ => return None,
        })
    }

    /// Sends it with these headers.
    pub(crate) async fn send(
        &self,
        client: &Client,
        things: &Things,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = client.request(self.method(), &self.address(things));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = self.body(things) {
            request = request.json(&body);
        }
        client.send(request).await
    }
}

// === impl Things ===

impl Things {
    /// Makes one of each for the owner of a scene.
    pub(crate) async fn of(scene: &Scene) -> Self {
        Self::made_by(&scene.owner, &scene.provider).await
    }

    /// Makes one of each.
    pub(crate) async fn made_by(owner: &Client, provider: &str) -> Self {
        let id = |value: &Value| value.as_str().expect("an id").to_owned();
        let body = json!({"application_name": "My App"});
        let application = owner.post("/applications", &body).await.ok();
        let body = json!({
            "name": "My Docker Account", "url": "https://index.docker.io/v1/", "username": "me",
            "password": "correct horse battery",
        });
        let integration = owner.post("/integrations/docker-hub", &body).await.ok();
        let body = json!({
            "provider_id": provider, "region": "sandbox", "environment": "production",
            "integrations": [integration["id"]],
            "nodes": [{"name": "web", "size": "eos1", "packages": ["nginx"]}],
        });
        let application = id(&application[0]["id"]);
        let path = format!("/applications/{application}/environments");
        let made = owner.post(&path, &body).await.ok();
        assert_eq!(made["ready"], true);
        let environments = owner.get("/environments").await.ok();
        Self {
            provider: provider.to_owned(),
            application,
            environment: id(&made["environment"]),
            node: id(&environments[0]["nodes"][0]["id"]),
            integration: id(&integration["id"]),
        }
    }

    /// Ids that never existed.
    pub(crate) fn unknown() -> Self {
        let id = || domain::random::hex::<12>();
        Self {
            provider: id(),
            application: id(),
            environment: id(),
            node: id(),
            integration: id(),
        }
    }

    pub(crate) fn ids(&self) -> [&str; 5] {
        [
            &self.provider,
            &self.application,
            &self.environment,
            &self.node,
            &self.integration,
        ]
    }
}

/// All that an organisation can see of itself, and what was ever done at the cloud: what a refused request must not
/// change.
pub(crate) async fn state(scene: &Scene, owner: &Client) -> Value {
    let mut state = Vec::new();
    for path in [
        "/providers",
        "/applications",
        "/environments",
        "/integrations",
    ] {
        state.push(owner.get(path).await.ok());
    }
    let calls = scene.arcus.json(&["sandbox", "calls"]);
    let changing = [
        "create", "start", "stop", "reboot", "retire", "destroy", "adopt", "resize", "rebuild",
    ];
    json!({
        "seen": state,
        "done": changing.map(|method| calls[method].clone()),
        "instances": scene.arcus.instances(),
    })
}
