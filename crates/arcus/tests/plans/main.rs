//! Plan before apply: what a change would do is shown without doing it, and a change that was agreed to is made only if it is
//! still the same.

mod agreed;
mod called;
mod droplets;
mod imports;
mod instances;
mod outlived;
mod shown;

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use testkit::{Answer, Arcus, Client, Shop, wait};

/// Asks for what a request would do.
async fn planned(client: &Client, method: Method, path: &str, body: &Value) -> Value {
    let path = format!("{path}?plan=true");
    client
        .send(client.request(method, &path).json(body))
        .await
        .ok()
}

/// Sends a request on the terms of a plan.
async fn on_terms(
    client: &Client,
    method: Method,
    path: &str,
    body: &Value,
    plan: &Value,
) -> Answer {
    let hash = plan["plan"].as_str().expect("a hash");
    let request = client.request(method, path).header("X-Plan", hash);
    client.send(request.json(body)).await
}

/// A snapshot, "before", of the one server that is being imported, as soon as that is managed.
async fn with_snapshot(arcus: Arcus, owner: Client, customer: Client) -> Shop {
    let server = wait::until(
        "the server to be managed",
        Duration::from_secs(60),
        || async {
            let all = customer.get("/v1/server/list").await.data();
            let server = all.get(0)?;
            (server["state"] == "Running").then(|| server["id"].clone())
        },
    )
    .await;
    let shop = Shop {
        arcus,
        owner,
        customer,
    };
    let form = [("id", &*server.to_string()), ("name", "before")];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(event).await;
    shop
}

/// The calls of a plan, in the order of the alphabet.
fn calls(plan: &Value) -> Vec<String> {
    let calls = plan["calls"].as_array().expect("an array").iter();
    let mut calls: Vec<_> = calls
        .map(|call| call["call"].as_str().expect("text").to_owned())
        .collect();
    calls.sort();
    calls
}
