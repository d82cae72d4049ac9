//! Plan before apply: what a change would do is shown without doing it, and a change that was agreed to is made only if it is
//! still the same.

mod agreed;
mod called;
mod droplets;
mod imports;
mod instances;
mod outlived;
mod shown;

use reqwest::Method;
use serde_json::Value;
use testkit::{Answer, Client};

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

/// The calls of a plan, in the order of the alphabet.
fn calls(plan: &Value) -> Vec<String> {
    let calls = plan["calls"].as_array().expect("an array").iter();
    let mut calls: Vec<_> = calls
        .map(|call| call["call"].as_str().expect("text").to_owned())
        .collect();
    calls.sort();
    calls
}
