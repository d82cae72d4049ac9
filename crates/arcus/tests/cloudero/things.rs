//! Every route of the authorisation table as a request that works, about one of each thing that has an id.

use api::{Access, CLOUDERO_ACCESS};
use domain::Role;
use serde_json::{Value, json};
use testkit::{Answer, Client, Method, Shop};

/// A route and who may call it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    access: Access,
}

/// One of each thing that has an id.
#[derive(Debug, Clone)]
pub(crate) struct Things {
    pub(crate) server: String,
    pub(crate) snapshot: String,
    pub(crate) event: String,
    pub(crate) fingerprint: String,
    pub(crate) tag: String,
    pub(crate) invoice: String,
}

/// An id that never existed.
pub(crate) const NEVER: &str = "987654321";

/// Every route.
pub(crate) fn all() -> impl Iterator<Item = Route> {
    let all = CLOUDERO_ACCESS.iter();
    all.map(|(method, path, access)| Route {
        method,
        path,
        access: *access,
    })
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

    /// Whether it is about one thing that is there.
    pub(crate) fn names_a_thing(&self) -> bool {
        let path = self.path;
        path.contains('{')
            || path == "/v1/usage/list"
            || (self.method != "GET"
                && !["/v1/server/create", "/v1/sshkey/create"].contains(&path)
                && !["/v1/user", "/v1/account", "/v1/payment"]
                    .iter()
                    .any(|start| path.starts_with(start)))
    }

    fn address(&self, things: &Things) -> String {
        if self.path == "/v1/usage/list" {
            return format!("{}?id={}", self.path, things.server);
        }
        let id = if self.path.starts_with("/v1/event") {
            &things.event
        } else {
            &things.server
        };
        self.path
            .replace("{id}", id)
            .replace("{number}", &things.invoice)
    }

    /// The body with which it does what it is for.
    fn body(&self, things: &Things) -> Value {
        let id = &things.server;
        match (self.method, self.path) {
            (_, "/v1/server/create") => {
                json!({"name": "new", "region": "ist2", "package": "eos1", "image": "debian-12"})
            }
            (_, "/v1/snapshot/create") => json!({"id": id, "name": "another"}),
            ("DELETE", "/v1/snapshot/destroy") => json!({"id": things.snapshot}),
            (_, "/v1/sshkey/create") => json!({"name": "x", "public_key": "x"}),
            (_, "/v1/sshkey/update") => json!({"fingerprint": things.fingerprint, "name": "y"}),
            (_, "/v1/sshkey/destroy") => json!({"fingerprint": things.fingerprint}),
            (_, "/v1/tags/create") => json!({"sub_ids": [id], "tags": ["red"]}),
            (_, "/v1/tags/update") => json!({"sub_id": id, "tags": ["red"]}),
            (_, "/v1/tags/destroy") => json!({"tag": things.tag}),
            (_, "/v1/account/topup") => json!({"amount": "25.00"}),
            (_, path) if path.ends_with("create_from_snapshot") => {
                json!({"name": "new", "package": "eos3", "snapshot_id": things.snapshot})
            }
            (_, path) if path.ends_with("restore_from_snapshot") => {
                json!({"id": id, "snapshot_id": things.snapshot})
            }
            (_, path) if path.ends_with("upgrade_package") => json!({"id": id, "package": "eos3"}),
            (_, path) if path.starts_with("/v1/server") => json!({"id": id}),
            _ => json!({}),
        }
    }

    /// Sends it.
    pub(crate) async fn send(&self, client: &Client, things: &Things) -> Answer {
        let method = Method::from_bytes(self.method.as_bytes()).expect("a method");
        let request = client.request(method, &self.address(things));
        let request = if self.method == "GET" {
            request
        } else {
            request.json(&self.body(things))
        };
        client.send(request).await
    }
}

// === impl Things ===

impl Things {
    /// A server with one of everything else, for a shop's customer.
    pub(crate) async fn of(shop: &Shop) -> Self {
        Self::around(shop, shop.server("web").await).await
    }

    /// One of everything else for a server that is there.
    pub(crate) async fn around(shop: &Shop, server: i64) -> Self {
        let server = server.to_string();
        let form = [("id", &*server), ("name", "before")];
        let event = shop.asked("/v1/snapshot/create", &form).await;
        shop.done(event).await;
        let snapshots = shop.customer.get("/v1/snapshot/list").await.data();
        let public_key = shop.owner.get("/accounts/keys").await.ok()["public_key"].clone();
        let body = json!({"name": "mine", "public_key": public_key});
        shop.customer.post("/v1/sshkey/create", &body).await.data();
        let keys = shop.customer.get("/v1/sshkey/list").await.data();
        let fingerprint = keys["mine"]["fingerprint"].as_str();
        let form = [("sub_ids[]", &*server), ("tags[]", "blue")];
        let path = "/v1/tags/create";
        shop.customer.form(Method::POST, path, &form).await.data();
        Self {
            server,
            snapshot: snapshots[0]["id"].to_string(),
            event: event.to_string(),
            fingerprint: fingerprint.expect("a text").to_owned(),
            tag: "blue".to_owned(),
            // The first one is written when the month is over.
            invoice: NEVER.to_owned(),
        }
    }

    /// What never existed.
    pub(crate) fn unknown() -> Self {
        Self {
            server: NEVER.to_owned(),
            snapshot: NEVER.to_owned(),
            event: NEVER.to_owned(),
            fingerprint: "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff".to_owned(),
            tag: "never".to_owned(),
            invoice: NEVER.to_owned(),
        }
    }
}

/// All that a customer can see of itself, and what is at the cloud: what a refused request must not change.
pub(crate) async fn state(shop: &Shop, customer: &Client) -> Value {
    let mut seen = Vec::new();
    for path in [
        "/v1/server/list",
        "/v1/snapshot/list",
        "/v1/sshkey/list",
        "/v1/tags/list",
    ] {
        seen.push(customer.get(path).await.data());
    }
    // Not what it was told by the way, such as of a low balance.
    let mut events = customer.get("/v1/event/list").await.data();
    let done = |event: &Value| {
        let kind = event["event"].as_str().unwrap_or_default();
        kind.starts_with("VM.") || kind.starts_with("SNAPSHOT.")
    };
    events.as_array_mut().expect("an array").retain(done);
    seen.push(events);
    json!({"seen": seen, "instances": shop.arcus.instances()})
}

/// All that a caller can tell answers apart by, but for the request's id and what it has `sent` itself.
pub(crate) fn visible(answer: &Answer, sent: &str) -> Value {
    let told = |(name, _): &&(String, String)| {
        !matches!(name.as_str(), "date" | "x-request-id" | "content-length")
    };
    let headers: Vec<_> = answer.headers.iter().filter(told).collect();
    let mut text = answer.text.clone();
    for own in [answer.header("x-request-id").unwrap_or_default(), sent] {
        if !own.is_empty() {
            text = text.replace(own, "SENT");
        }
    }
    json!({"status": answer.status, "headers": headers, "text": text})
}
