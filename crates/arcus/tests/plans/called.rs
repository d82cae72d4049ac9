//! The calls of a plan are those that are made, and it makes none itself: held against what arrives at a stand-in.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::digital_ocean::{self, StandIn};
use testkit::{Builder, Client, wait};

use super::{calls, on_terms, planned};

const PATIENCE: Duration = Duration::from_secs(60);

/// What changed something since so many calls had come.
fn changes(ocean: &StandIn, since: usize) -> Vec<String> {
    let all = ocean.calls();
    let changes = all[since..].iter().filter(|call| call.method != "GET");
    let mut changes: Vec<_> = changes
        .map(|call| format!("{} {}", call.method, call.path))
        .collect();
    changes.sort();
    changes
}

/// Asks for a plan, which changes nothing, makes it, and waits until `done`; then what was called is what was planned.
async fn follow<F: Future<Output = Option<()>>>(
    owner: &Client,
    ocean: &StandIn,
    (method, path, body): (Method, &str, &Value),
    done: impl Fn() -> F,
) {
    let before = ocean.calls().len();
    let plan = planned(owner, method.clone(), path, body).await;
    assert_eq!(changes(ocean, before), Vec::<String>::new(), "{plan}");
    let before = ocean.calls().len();
    let made = on_terms(owner, method, path, body, &plan).await;
    assert!((200..300).contains(&made.status), "{}", made.text);
    wait::until("it to be done", PATIENCE, done).await;
    assert_eq!(changes(ocean, before), calls(&plan), "{plan}");
}

#[tokio::test]
async fn what_a_plan_calls_at_digital_ocean_is_what_is_called() {
    let ocean = StandIn::start();
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .variable("ARCUS_DIGITAL_OCEAN_ENDPOINT", &ocean.url())
        .start()
        .await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let body = json!({
        "cloud_provider": "digital_ocean", "provider_name": "my-provider", "access_token": digital_ocean::TOKEN,
    });
    let provider = owner.post("/providers", &body).await.ok();
    let run = async |count: usize| {
        let listed = owner.get("/environments").await.ok();
        let nodes = listed[0]["nodes"].as_array()?.clone();
        let run = nodes.iter().all(|node| node["public_ip"] != "");
        (ocean.droplets() == count && nodes.len() == count && run).then_some(())
    };
    let body = json!({
        "provider_id": provider["id"], "region": "fra1", "environment": "dev",
        "nodes": [
            {"name": "web", "size": "s-1vcpu-1gb", "count": 2},
            {"name": "db", "size": "s-1vcpu-1gb"},
        ],
    });
    let create = (Method::POST, "/environments", &body);
    follow(&owner, &ocean, create, || run(3)).await;
    let listed = owner.get("/environments").await.ok();
    let id = listed[0]["id"].as_str().expect("an id");

    let scale = format!("/environments/{id}/scale");
    let by_one = json!({"name": "web", "count": 1});
    follow(&owner, &ocean, (Method::POST, &scale, &by_one), || run(4)).await;
    follow(&owner, &ocean, (Method::DELETE, &scale, &by_one), || run(3)).await;
    // With another port than the firewall lets through.
    let nodes = format!("/environments/{id}/nodes");
    let more = json!([{"name": "cache", "size": "s-1vcpu-1gb", "packages": ["nginx"]}]);
    follow(&owner, &ocean, (Method::POST, &nodes, &more), || run(4)).await;

    let delete = format!("/environments/{id}");
    let gone = async || {
        let left = owner.get("/environments").await.ok();
        (left == json!([])).then_some(())
    };
    follow(
        &owner,
        &ocean,
        (Method::DELETE, &delete, &Value::Null),
        gone,
    )
    .await;
    assert_eq!(ocean.firewalls(), Vec::<String>::new());
}
