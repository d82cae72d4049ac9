//! `GET /environments` of an organisation that owns 50 servers, with 10 and with 10,000 of others' in the database.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Builder, Client};

use crate::rows;
use crate::table::{Table, median, ms};

const REQUESTS: usize = 500;
const ROUNDS: usize = 10;

pub(crate) async fn run(table: &mut Table) {
    let (few, many) = (world(10).await, world(10_000).await);
    let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with_few.push(round(&few.1).await);
        with_many.push(round(&many.1).await);
    }
    let (few, many) = (median(with_few), median(with_many));
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    table.at_most(
        "GET /environments, 50 own servers: 10,000 others' against 10",
        ms(many),
        ms(few),
        ratio,
        Some(1.2),
    );
}

async fn world(others: usize) -> (testkit::Arcus, Client) {
    // The rows that are added have no past that anybody could be charged for.
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).flag("--billing=off");
    let mut arcus = builder.start().await;
    let client = arcus.client().register("bench", "bench@example.com").await;
    let provider = client.add_provider("sandbox").await;
    let body = json!({"provider_id": provider, "region": "sandbox", "environment": "mine",
        "nodes": [{"name": "web", "size": "eos1", "count": 50}]});
    client.post("/environments?wait=120", &body).await.ok();
    arcus.stop().await;
    rows::add(arcus.folder(), others).await;
    arcus.restart().await;
    let client = client.at(arcus.base());
    round(&client).await;
    (arcus, client)
}

/// The mean of many requests on one connection.
async fn round(client: &Client) -> Duration {
    let started = Instant::now();
    for _ in 0..REQUESTS {
        let environments = client.get("/environments").await.ok();
        assert_eq!(environments[0]["nodes"].as_array().map(Vec::len), Some(50));
    }
    started.elapsed() / u32::try_from(REQUESTS).expect("fits")
}
