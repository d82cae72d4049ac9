//! A thousand servers at once on the simulated cloud: how many a second, and how much of its call budget is used.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, Client};

use crate::table::Table;

const SERVERS: usize = 1000;
const CALLS_AT_ONCE: u32 = 32;
const LATENCY: Duration = Duration::from_millis(200);
const ROUNDS: usize = 10;

/// What cannot be done without: each server is made, is seen to run, and tells how its packages went. Whatever else is asked
/// counts against the share.
const NEEDED_CALLS: u32 = 3 * 1000;

pub(crate) async fn run(table: &mut Table) {
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        seconds.push(round(Duration::ZERO).await);
    }
    let took = crate::table::median(seconds).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let rate = SERVERS as f64 / took;
    table.at_most(
        "1,000 sandbox servers, no latency",
        format!("{rate:.0} servers/s"),
        "–".to_owned(),
        took,
        None,
    );

    let allowed = LATENCY.mul_f64(f64::from(NEEDED_CALLS)) / CALLS_AT_ONCE;
    let mut shares = Vec::new();
    for _ in 0..ROUNDS {
        let took = round(LATENCY).await;
        shares.push((allowed.as_secs_f64() / took.as_secs_f64(), took, allowed));
    }
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (share, took, allowed) = shares[shares.len() / 2];
    table.at_least(
        "1,000 sandbox servers, 200 ms a call, 32 calls at once: share of the call budget",
        format!("{:.1} s", took.as_secs_f64()),
        format!("{:.1} s (the budget's own time)", allowed.as_secs_f64()),
        share,
        0.9,
    );
}

/// How long it takes until all are ready.
async fn round(latency: Duration) -> Duration {
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .flag("--max-nodes=1000")
        .flag(&format!("--calls-at-once={CALLS_AT_ONCE}"))
        .start()
        .await;
    let client = arcus.client().register("bench", "bench@example.com").await;
    let provider = client.add_provider("sandbox").await;
    arcus.faults(&[&format!("latency_ms={}", latency.as_millis())]);
    let body = json!({"provider_id": provider, "region": "sandbox", "environment": "burst",
        "nodes": [{"name": "web", "size": "eos1", "count": SERVERS}]});
    let started = Instant::now();
    create(&client, &body).await;
    started.elapsed()
}

async fn create(client: &Client, body: &Value) {
    let request = client
        .request(Method::POST, "/environments?wait=600")
        .json(body);
    let answer = client.send(request).await;
    assert_eq!(
        (answer.status, &answer.body["ready"]),
        (200, &json!(true)),
        "{}",
        answer.text
    );
}
