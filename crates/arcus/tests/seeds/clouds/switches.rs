//! One environment's story at a public cloud, as printed: query, stop, start, delete.

use serde_json::{Value, json};
use testkit::digital_ocean::StandIn as Ocean;
use testkit::ec2::StandIn as Amazon;
use testkit::{Answer, Builder, assert_shape, wait};

use super::stage::{Cloud, Instance, PATIENCE, Stage};
use crate::printed::curl;
use crate::switches::{DELETE, QUERY, START, STOP, change, seen};

/// The printed names of the two servers.
const SERVERS: [&str; 2] = [
    "account-user-dev-1-staging1-ransom",
    "account-user-dev-1-staging1-random",
];

/// The printed environment, whose servers are ready. Its id.
async fn staging(stage: &Stage) -> String {
    let (provider, application) = stage.equip().await;
    let size = stage.cloud.size();
    let body = json!({
        "provider_id": provider, "region": stage.cloud.region(), "environment": "staging1",
        "nodes": [
            {"packages": ["nginx"], "name": "ransom", "size": size},
            {"packages": [], "name": "random", "size": size},
        ],
    });
    let path = format!("/applications/{application}/environments?wait=300");
    let made = stage.client.post(&path, &body).await.ok();
    let id = made["environment"].as_str().expect("an id").to_owned();
    assert_eq!(made["ready"], true, "{}", stage.environment(&id).await);
    id
}

/// What stands under each server, beside the cloud's own instance of that name.
fn each<'a>(stage: &Stage, answer: &'a Value) -> Vec<(&'a Value, Instance)> {
    let servers = stage.servers(answer);
    let mut names: Vec<_> = servers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let mut printed = SERVERS;
    printed.sort_unstable();
    assert_eq!(names, printed);
    let beside = |(name, said)| (said, stage.instance(name));
    servers.into_iter().map(beside).collect()
}

/// Holds a start or a stop against what is printed.
fn assert_switched(stage: &Stage, answer: Answer, current: (&str, &str), previous: (&str, &str)) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.ok();
    assert_eq!(answer["success"], true, "{answer}");
    for (said, instance) in each(stage, &answer) {
        let mut expected = change(current, previous);
        expected["instanceId"] = json!(instance.id);
        assert_eq!(*said, json!([expected]));
    }
}

/// Waits until a query says that both are in that state, and returns what it says.
async fn until(stage: &Stage, id: &str, state: &str) -> Value {
    wait::until(state, PATIENCE, || async {
        let answer = curl(&stage.client, QUERY, &[("environment_id", id)])
            .await
            .ok();
        let servers = stage.servers(&answer);
        let all = servers.iter().all(|(_, said)| said["state"] == state);
        all.then_some(answer)
    })
    .await
}

fn assert_seen(stage: &Stage, answer: &Value) {
    assert_eq!(answer["success"], true, "{answer}");
    for (said, instance) in each(stage, answer) {
        assert_shape(said, &seen());
        assert_eq!(said["id"], instance.id);
        assert_eq!(
            said["name"], instance.name,
            "it is the name tag at the cloud"
        );
        assert_eq!(said["public_ips"], instance.address);
        assert_eq!(said["size"], stage.cloud.size());
        assert_eq!(said["state"], "running");
        assert!(instance.is_running, "{instance:?}");
    }
}

/// Holds a deletion against what is printed, and its last names against the cloud's.
fn assert_deleted(stage: &Stage, answer: Answer, ids: &[String]) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.ok();
    assert_eq!(answer["success"], true, "{answer}");
    let mut printed = change(("32", "shutting-down"), ("16", "running"));
    printed["newname"] =
        json!("account-user-dev-1-staging1-ransom-DEL857660c7e82b41f08d7d0451d76fe160");
    let names = stage.cloud.last_names();
    for (name, said) in stage.servers(&answer) {
        assert_shape(said, &printed);
        let new_name = said["newname"].as_str().expect("a name");
        let digits = new_name.strip_prefix(&format!("{name}-DEL"));
        let digits = digits.expect("its name begins as before");
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(
            digits.len() == 32 && digits.bytes().all(hexadecimal),
            "{new_name}"
        );
        assert!(
            names.iter().any(|name| name == new_name),
            "{new_name} is none of {names:?}"
        );
        assert!(ids.iter().any(|id| said["instanceId"] == *id), "{said}");
        assert_eq!(said["currentState"], printed["currentState"]);
        assert_eq!(said["previousState"], printed["previousState"]);
    }
}

async fn is_queried_stopped_started_and_deleted(cloud: Cloud) {
    let stage = Stage::set(Builder::new(env!("CARGO_BIN_EXE_arcus")), cloud).await;
    let id = staging(&stage).await;
    let replacements = [("environment_id", id.as_str())];

    let answer = curl(&stage.client, QUERY, &replacements).await.ok();
    assert_seen(&stage, &answer);
    let instances = stage.cloud.instances().into_iter();
    let ids: Vec<_> = instances.map(|instance| instance.id).collect();

    let answer = curl(&stage.client, STOP, &replacements).await;
    assert_switched(&stage, answer, ("64", "stopping"), ("16", "running"));
    until(&stage, &id, "stopped").await;
    let stopped = stage.cloud.instances();
    assert!(
        stopped.iter().all(|instance| instance.is_stopped),
        "{stopped:?}"
    );

    let answer = curl(&stage.client, START, &replacements).await;
    // The documentation prints 64 beside `pending`, which is the code of `stopping`.
    assert_switched(&stage, answer, ("0", "pending"), ("80", "stopped"));
    let answer = until(&stage, &id, "running").await;
    assert_seen(&stage, &answer);

    let answer = curl(&stage.client, DELETE, &replacements).await;
    assert_deleted(&stage, answer, &ids);
    wait::until("everything to be gone", PATIENCE, || async {
        let left = stage.client.get("/environments").await.ok();
        let gone = left == json!([]) && stage.cloud.instances().is_empty();
        gone.then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_environment_at_digital_ocean_is_queried_stopped_started_and_deleted_as_printed() {
    if let Some(ocean) = Ocean::with_bodies() {
        is_queried_stopped_started_and_deleted(Cloud::DigitalOcean(ocean)).await;
    }
}

#[tokio::test]
async fn an_environment_at_amazon_is_queried_stopped_started_and_deleted_as_printed() {
    if let Some(amazon) = Amazon::with_bodies() {
        is_queried_stopped_started_and_deleted(Cloud::Amazon(amazon)).await;
    }
}
