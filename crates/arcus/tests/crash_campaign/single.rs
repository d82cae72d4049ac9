//! Rounds in which single servers are upgraded, snapshotted, put back, copied, reinstalled and given passwords while the
//! process is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Client, Method};

use crate::random::Random;
use crate::stage::{Stage, Template};

/// How many servers a round has.
const SERVERS: usize = 3;

/// What each of them may be upgraded to, and back.
const PLANS: [&str; 3] = ["eos2", "eos3", "eos4"];

pub(crate) async fn round(template: Arc<Template>, mut random: Random, faults: Vec<String>) {
    let mut stage = template.stage(&faults).await;
    let mut names: Vec<String> = (0..SERVERS)
        .map(|number| format!("single-{number}"))
        .collect();
    for name in &names {
        create(&mut stage, name, &Origin::Image, &mut random).await;
    }
    stage.come_to_rest().await;
    for number in 0..random.between(3, 7) {
        let servers = data(&stage.customer(), "/v1/server/list").await;
        let server = random.pick(servers.as_array().expect("an array"))["id"].to_string();
        if random.percent(20) {
            copy(&mut stage, &server, &mut names, &mut random).await;
        } else {
            change(&mut stage, &server, number, &mut random).await;
        }
    }
    stage.come_to_rest().await;
    names.sort();
    assert_right(&stage, &names).await;
}

fn kill(random: &mut Random) -> Option<Duration> {
    let moment = Duration::from_millis(random.between(0, 250));
    random.percent(60).then_some(moment)
}

async fn data(client: &Client, path: &str) -> Value {
    client.get(path).await.data()
}

/// What a server begins as.
enum Origin {
    Image,
    /// A snapshot, by its id.
    Snapshot(String),
}

/// Asks for a server, until an answer says or a look shows that it is there.
async fn create(stage: &mut Stage, name: &str, origin: &Origin, random: &mut Random) {
    let (path, body) = match origin {
        Origin::Image => {
            let body =
                json!({"name": name, "region": "sandbox", "package": "eos2", "image": "debian-12"});
            ("/v1/server/create", body)
        }
        Origin::Snapshot(id) => {
            // The largest of all plans that a snapshot was taken under.
            let body = json!({"name": name, "package": "eos4", "snapshot_id": id});
            ("/v1/server/create_from_snapshot", body)
        }
    };
    let moment = kill(random);
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

/// The ids of a server's snapshots that are there.
async fn available(stage: &Stage, server: &str) -> Vec<String> {
    let path = format!("/v1/server/{server}/snapshots");
    let snapshots = data(&stage.customer(), &path).await;
    let snapshots = snapshots.as_array().expect("an array").iter();
    snapshots
        .filter(|snapshot| snapshot["state"] == "Available")
        .map(|snapshot| snapshot["id"].to_string())
        .collect()
}

/// Another server that begins as one of this one's snapshots, where it has any. It is made before anything else is asked
/// for, so that nobody takes the snapshot away from under it.
async fn copy(stage: &mut Stage, server: &str, names: &mut Vec<String>, random: &mut Random) {
    stage.come_to_rest().await;
    let Some(snapshot) = available(stage, server).await.pop() else {
        return;
    };
    let name = format!("copy-{}", names.len());
    create(stage, &name, &Origin::Snapshot(snapshot), random).await;
    stage.come_to_rest().await;
    names.push(name);
}

async fn change(stage: &mut Stage, server: &str, number: u64, random: &mut Random) {
    let available = available(stage, server).await;
    let path = |verb: &str| format!("/v1/server/{server}/{verb}");
    let (method, path, body) = match random.between(0, 7) {
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
        // Refused where there are snapshots.
        6 => (Method::POST, path("refresh_install"), json!({})),
        _ => {
            let body = json!({"id": server, "name": format!("snapshot-{number}")});
            (Method::POST, "/v1/snapshot/create".to_owned(), body)
        }
    };
    again_and_again(stage, method, &path, &body, random).await;
}

/// Until it is answered. The second time it may be there already, or be under way. Where the cloud has to be asked first, and
/// does not answer, nothing was changed.
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
            Some(answer) if answer.status == 502 => {
                let says_so = answer.text.contains("nothing was changed: try again");
                assert!(says_so, "{path}: {}", answer.text);
            }
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
    let verified = stage.arcus.run(&["billing", "verify"]);
    assert!(verified.status.success(), "the ledger: {verified:?}");
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
