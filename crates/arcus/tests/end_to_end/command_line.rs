//! The command-line client's own sequence, call by call, with the `User-Agent` that it sends.

use serde_json::{Value, json};
use testkit::{Answer, Client, Method};

use crate::rig::{Rig, is_ready, node_names, ssh};

/// Sends as the command-line client does.
struct CommandLine(Client);

// === impl CommandLine ===

impl CommandLine {
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.0.request(method, path);
        let request = request.header("User-Agent", "cloudhero-cli");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.0.send(request).await
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.ok()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, path, Some(body)).await.ok()
    }

    async fn delete(&self, path: &str) -> Value {
        self.call(Method::DELETE, path, None).await.ok()
    }

    async fn delete_with(&self, path: &str, body: &Value) -> Value {
        self.call(Method::DELETE, path, Some(body)).await.ok()
    }
}

/// A text that must be there.
fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

#[tokio::test]
async fn the_command_line_clients_sequence_works_from_register_to_delete() {
    let Some(mut rig) = Rig::start_bare(&[]).await else {
        return;
    };

    // Register and log in: bare objects, not arrays of one.
    let anonymous = CommandLine(rig.arcus.client());
    let body = json!({
        "email": "owner@example.com", "password": "secretpassword",
        "password_confirm": "secretpassword", "name": rig.organisation, "user_name": "owner",
    });
    let registered = anonymous.post("/accounts/register", &body).await;
    assert_eq!(registered["errors"], json!([]), "{registered}");
    let body = json!({"email": "owner@example.com", "password": "secretpassword"});
    let session = anonymous.post("/accounts/tokens", &body).await;
    rig.owner = rig.owner.with_token(text(&session["persistent_token"]));
    let client = CommandLine(rig.owner.clone());

    // Providers: what can be added, add one, list.
    let kinds = client.call(Method::OPTIONS, "/providers", None).await.ok();
    assert_eq!(kinds["arcus"]["mandatory_fields"], json!([]), "{kinds}");
    let body = json!({"cloud_provider": "arcus", "provider_name": "house"});
    let added = client.post("/providers", &body).await;
    let provider = text(&added["id"]);
    let listed = client.get("/providers").await;
    assert_eq!(listed["arcus"][0]["id"], provider, "{listed}");

    // Environments: add one and list.
    let body = json!({
        "provider_id": provider, "region": "local", "environment": "staging",
        "nodes": [{"name": "web", "size": "eos1", "packages": ["redis"], "tags": {"role": "front"}}],
    });
    let made = client.post("/environments?wait=600", &body).await;
    assert_eq!(made["ready"], true, "{made}");
    let id = text(&made["environment"]).to_owned();
    let listed = client.get("/environments").await;
    assert_eq!(listed[0]["id"], id.as_str());
    assert_eq!(node_names(&listed[0]), ["web"]);

    // Nodes: add one and list.
    let body = json!([{"name": "worker", "size": "eos1", "tags": {"role": "back"}}]);
    let added = client
        .post(&format!("/environments/{id}/nodes"), &body)
        .await;
    assert_eq!(added["nodes"][0]["name"], "worker", "{added}");
    let listed = client.get("/environments").await;
    assert_eq!(node_names(&listed[0]), ["web", "worker"]);

    // Scale up by name, down by tags, and remove a node.
    let scale = format!("/environments/{id}/scale");
    let up = client
        .post(&scale, &json!({"name": "worker", "count": 1}))
        .await;
    assert_eq!(up["nodes"][0]["name"], "worker-2", "{up}");
    rig.until(&id, "three nodes to be ready", is_ready).await;
    assert_eq!(rig.instances().len(), 3);
    let tags = json!({"tags": {"role": "back"}, "count": 1});
    let down = client.delete_with(&scale, &tags).await;
    assert_eq!(down["nodes"][0]["name"], "worker-2", "{down}");
    let of_two = |environment: &Value| node_names(environment) == ["web", "worker"];
    let left = rig.until(&id, "the newest to go", of_two).await;
    let worker = text(&left["nodes"][1]["id"]);
    client.delete(&format!("/nodes/{worker}")).await;
    let of_one = |environment: &Value| node_names(environment) == ["web"];
    rig.until(&id, "the node to go", of_one).await;

    // Log in to the server that is left, by what the two listings say.
    let applications = client.get("/applications").await;
    let environment = &applications[0]["environments"][0];
    let key = client.get("/accounts/keys?private=True").await;
    let login = format!(
        "{}@{}",
        text(&environment["provider"]["username"]),
        text(&environment["nodes"][0]["public_ip"])
    );
    assert_eq!(ssh(&rig.arcus, &key, &login, "hostname"), "web");
    assert_eq!(ssh(&rig.arcus, &key, &login, "redis-cli ping"), "PONG");

    let body = json!({"command": "environment ls"});
    assert!(client.post("/history", &body).await["message"].is_string());
    let body = json!({"feedback": "it works"});
    assert!(client.post("/feedback", &body).await["message"].is_string());

    let gone = client
        .get(&format!("/environments/{id}/delete?wait=300"))
        .await;
    assert_eq!(gone["success"], true, "{gone}");
    rig.until_empty().await;
}
