//! One Incus server from request to running: through Arcus, against the same two calls made straight to Incus.
//!
//! Both sides make a container from the same image with the same limits and user data of the same kind. They take
//! turns, so that what else the machine does falls on both alike.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, Client};

use crate::table::{Table, median, ms};

/// Where Incus listens.
pub(crate) const SOCKET: &str = "/var/lib/incus/unix.socket";
const PAIRS: usize = 30;

pub(crate) async fn run(table: &mut Table) {
    assert!(
        Path::new(SOCKET).exists(),
        "no Incus runs here: start it with scripts/lab.sh up, or name the other benches"
    );
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .with_incus()
        .start()
        .await;
    let client = arcus.client().register("bench", "bench@example.com").await;
    let provider = client.add_provider("arcus").await;
    let straight = Straight::new();
    // The first of each warms the image's cache.
    one(&client, &provider, "warm").await;
    straight.one("arcus-bench-warm").await;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        peer.push(straight.one(&format!("arcus-bench-{pair}")).await);
        ours.push(one(&client, &provider, &format!("e{pair}")).await);
    }
    let (ours, peer) = (median(ours), median(peer));
    let ratio = ours.as_secs_f64() / peer.as_secs_f64();
    table.at_most(
        "create to running, one Incus server, against Incus's own two calls",
        ms(ours),
        ms(peer),
        ratio,
        Some(1.05),
    );
}

/// From the request until the API shows that it runs.
async fn one(client: &Client, provider: &str, name: &str) -> Duration {
    let body = json!({"provider_id": provider, "region": "local", "environment": name,
        "nodes": [{"name": "web", "size": "eos1"}]});
    let started = Instant::now();
    let request = client
        .request(Method::POST, "/environments")
        .header("Prefer", "respond-async")
        .json(&body);
    let id = client.send(request).await.expect(202)["environment"]
        .as_str()
        .expect("an id")
        .to_owned();
    loop {
        let environments = client.get("/environments").await.ok();
        let environments = environments.as_array().expect("an array");
        let mine = environments
            .iter()
            .find(|one| one["id"] == id.as_str())
            .expect("it is there");
        match mine["nodes"][0]["status"].as_str().expect("a status") {
            // It runs; what comes after is its first boot.
            "installing" | "running" => break,
            "failed" => panic!("the server failed: {mine}"),
            // Asked more often, the asking itself would keep a processor from Incus.
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    let took = started.elapsed();
    client
        .delete(&format!("/environments/{id}?wait=60"))
        .await
        .ok();
    took
}

/// A plain client of Incus.
struct Straight {
    http: reqwest::Client,
}

// === impl Straight ===

impl Straight {
    fn new() -> Self {
        let http = reqwest::Client::builder()
            .unix_socket(SOCKET)
            // As in the driver: Incus waits for the first byte of each connection before it takes up the next.
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        Self { http }
    }

    async fn one(&self, name: &str) -> Duration {
        let user_data = "#cloud-config\n{\"disable_root\": false}";
        let body = json!({
            "name": name, "type": "container", "source": {"type": "image", "alias": "debian/12"},
            "config": {"limits.cpu": "1", "limits.memory": "1024MiB", "cloud-init.user-data": user_data},
        });
        let started = Instant::now();
        self.call(Method::POST, "/1.0/instances", &body).await;
        let start = json!({"action": "start"});
        self.call(Method::PUT, &format!("/1.0/instances/{name}/state"), &start)
            .await;
        let took = started.elapsed();
        let stop = json!({"action": "stop", "force": true});
        self.call(Method::PUT, &format!("/1.0/instances/{name}/state"), &stop)
            .await;
        self.call(
            Method::DELETE,
            &format!("/1.0/instances/{name}"),
            &Value::Null,
        )
        .await;
        took
    }

    /// Makes a call and waits for the operation that it begins.
    async fn call(&self, method: Method, path: &str, body: &Value) {
        let answer = self
            .http
            .request(method, format!("http://incus{path}"))
            .json(body)
            .send()
            .await;
        let answer: Value = answer.expect("Incus answers").json().await.expect("JSON");
        let operation = answer["operation"]
            .as_str()
            .unwrap_or_else(|| panic!("{path}: {answer}"));
        let waited = self
            .http
            .get(format!("http://incus{operation}/wait?timeout=120"))
            .send()
            .await;
        let waited: Value = waited.expect("Incus answers").json().await.expect("JSON");
        assert_eq!(waited["metadata"]["status_code"], 200, "{path}: {waited}");
    }
}
