//! Rounds in which single servers are upgraded, snapshotted, put back, renamed by tag and given passwords while the process
//! is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Client, Method};

use crate::random::Random;
use crate::stage::{self, Stage, Template};

/// How many servers a round has.
const SERVERS: usize = 3;

/// What each of them may be upgraded to, and back.
const PLANS: [&str; 3] = ["eos2", "eos3", "eos4"];

pub(crate) async fn round(template: Arc<Template>, mut random: Random) {
    let faults = stage::slow(&mut random);
    let mut stage = template.stage(&faults).await;
    let names: Vec<String> = (0..SERVERS)
        .map(|number| format!("single-{number}"))
        .collect();
    for name in &names {
        create(&mut stage, name, &mut random).await;
    }
    stage.come_to_rest().await;
    for number in 0..random.between(3, 7) {
        let servers = data(&stage.customer(), "/v1/server/list").await;
        let server = random.pick(servers.as_array().expect("an array"))["id"].to_string();
        change(&mut stage, &server, number, &mut random).await;
    }
    stage.come_to_rest().await;
    assert_right(&stage, &names).await;
}

fn kill(random: &mut Random) -> Option<Duration> {
    let moment = Duration::from_millis(random.between(0, 250));
    random.percent(60).then_some(moment)
}

async fn data(client: &Client, path: &str) -> Value {
    client.get(path).await.data()
}

/// Asks for a server, until an answer says or a look shows that it is there.
async fn create(stage: &mut Stage, name: &str, random: &mut Random) {
    let body = json!({"name": name, "region": "sandbox", "package": "eos2", "image": "debian-12"});
    let moment = kill(random);
    let path = "/v1/server/create";
    if let Some(answer) = stage
        .send_as_customer(Method::POST, path, &body, moment)
        .await
    {
        answer.data();
        return;
    }
    let there = data(&stage.customer(), "/v1/server/list").await;
    let there = there.as_array().expect("an array").iter();
    if !there.clone().any(|server| server["name"] == name) {
        let answer = stage
            .send_as_customer(Method::POST, path, &body, None)
            .await;
        answer.expect("nobody kills it now").data();
    }
}

async fn change(stage: &mut Stage, server: &str, number: u64, random: &mut Random) {
    let snapshots = data(&stage.customer(), &format!("/v1/server/{server}/snapshots")).await;
    let available: Vec<String> = snapshots
        .as_array()
        .expect("an array")
        .iter()
        .filter(|snapshot| snapshot["state"] == "Available")
        .map(|snapshot| snapshot["id"].to_string())
        .collect();
    let path = |verb: &str| format!("/v1/server/{server}/{verb}");
    let (method, path, body) = match random.between(0, 6) {
        0 | 1 => {
            let body = json!({"package": random.pick(&PLANS)});
            (Method::POST, path("upgrade_package"), body)
        }
        2 if !available.is_empty() => {
            let body = json!({"snapshot_id": random.pick(&available)});
            (Method::POST, path("restore_from_snapshot"), body)
        }
        3 if !available.is_empty() => {
            let body = json!({"id": random.pick(&available)});
            (Method::DELETE, "/v1/snapshot/destroy".to_owned(), body)
        }
        4 => (Method::POST, path("change_password"), json!({})),
        5 => (Method::POST, path("reboot"), json!({})),
        _ => {
            let body = json!({"id": server, "name": format!("snapshot-{number}")});
            (Method::POST, "/v1/snapshot/create".to_owned(), body)
        }
    };
    again_and_again(stage, method, &path, &body, random).await;
}

/// Until it is answered. The second time it may be there already, or be under way.
async fn again_and_again(
    stage: &mut Stage,
    method: Method,
    path: &str,
    body: &Value,
    random: &mut Random,
) {
    let mut moment = kill(random);
    loop {
        let first = moment.is_some();
        let answer: Option<Answer> = stage
            .send_as_customer(method.clone(), path, body, moment.take())
            .await;
        match answer {
            Some(answer) => {
                let fine = [200, 400, 404, 409].contains(&answer.status);
                assert!(fine, "{path}: {}", answer.text);
                return;
            }
            None => assert!(first, "nobody killed it, and {path} was not answered"),
        }
    }
}

/// Once at rest: every server is what its owner is shown, and every snapshot is where it is said to be.
async fn assert_right(stage: &Stage, names: &[String]) {
    stage.arcus.run(&["sandbox", "faults", "--reset"]);
    let records = stage.ledger.read().await;
    records.assert_whole();
    let failed: Vec<_> = records
        .operations
        .iter()
        .filter(|operation| operation.status != "succeeded")
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let client = stage.customer();
    let servers = data(&client, "/v1/server/list").await;
    let servers = servers.as_array().expect("an array");
    let mut shown: Vec<_> = servers
        .iter()
        .map(|server| server["name"].clone())
        .collect();
    shown.sort_by_key(ToString::to_string);
    assert_eq!(json!(shown), json!(names));
    let instances = stage.arcus.instances();
    assert_eq!(instances.len(), names.len(), "{instances:#?}");
    let plans: BTreeMap<&str, &Value> = instances
        .iter()
        .map(|instance| {
            (
                instance["address"].as_str().expect("an address"),
                &instance["plan"],
            )
        })
        .collect();
    let snapshots = data(&client, "/v1/snapshot/list").await;
    for server in servers {
        assert_eq!(
            (&server["state"], &server["active_events"]),
            (&json!("Running"), &json!([])),
            "{server}"
        );
        let address = server["networks"]["v4"]["ip"].as_str().expect("an address");
        assert_eq!(plans[address], &server["package"], "{server}");
    }
    for snapshot in snapshots.as_array().expect("an array") {
        assert_eq!(snapshot["state"], "Available", "{snapshot}");
    }
    let kept = stage.arcus.json(&["sandbox", "snapshots"]);
    assert_eq!(
        kept.as_array().map(Vec::len),
        snapshots.as_array().map(Vec::len),
        "at the cloud: {kept:#}, as shown: {snapshots:#}"
    );
}
