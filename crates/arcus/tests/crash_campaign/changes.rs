//! Rounds in which servers are stopped, started, added and deleted while the process is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testkit::Method;

use crate::random::Random;
use crate::stage::{self, SERVERS, Stage, Template};

/// What the owner has asked for so far.
struct Wanted {
    environment: String,
    /// By node: `running` or `stopped`.
    nodes: BTreeMap<String, &'static str>,
}

pub(crate) async fn round(template: Arc<Template>, mut random: Random) {
    let mut faults = stage::slow(&mut random);
    faults.push(format!("ignore_tokens={}", random.percent(50)));
    faults.push(format!("visible_after_ms={}", random.pick(&[0, 0, 100])));
    let mut stage = template.stage(&faults).await;
    let kill = kill(&mut random);
    let mut wanted = Wanted {
        environment: stage.create(kill).await,
        nodes: BTreeMap::new(),
    };
    wanted.look(&stage, SERVERS).await;
    for _ in 0..random.between(2, 4) {
        change(&mut stage, &mut wanted, &mut random).await;
    }
    let deleted = random.percent(25);
    if deleted {
        let path = format!("/environments/{}/delete", wanted.environment);
        again_and_again(&mut stage, Method::POST, &path, &mut random).await;
        wanted.nodes.clear();
    }
    stage.come_to_rest().await;
    let count = wanted.nodes.len();
    stage.assert_right(&wanted.environment, count).await;
    let records = stage.ledger.read().await;
    let mut is: BTreeMap<String, &str> = BTreeMap::new();
    for server in records.living() {
        is.insert(server.public_id.clone(), &server.desired);
    }
    assert_eq!(is, wanted.nodes, "{:#?}", records.summary());
    let summary = records.summary();
    assert!(
        !summary.keys().any(|what| what.ends_with("failed")),
        "{records:#?}"
    );
    let left = stage.client().get("/environments").await.ok();
    assert_eq!(
        left.as_array().expect("an array").is_empty(),
        deleted,
        "{left}"
    );
}

fn kill(random: &mut Random) -> Option<Duration> {
    let moment = Duration::from_millis(random.between(0, 300));
    random.percent(60).then_some(moment)
}

async fn change(stage: &mut Stage, wanted: &mut Wanted, random: &mut Random) {
    let path = |verb: &str| format!("/environments/{}/{verb}", wanted.environment);
    let count = wanted.nodes.len();
    match random.between(0, 5) {
        0 | 1 => {
            again_and_again(stage, Method::POST, &path("stop"), random).await;
            wanted.nodes.values_mut().for_each(|node| *node = "stopped");
        }
        2 => {
            again_and_again(stage, Method::POST, &path("start"), random).await;
            wanted.nodes.values_mut().for_each(|node| *node = "running");
        }
        3 => scale(stage, wanted, random, Method::POST).await,
        4 => scale(stage, wanted, random, Method::DELETE).await,
        _ => {
            let nodes: Vec<String> = wanted.nodes.keys().cloned().collect();
            let path = format!("/nodes/{}", random.pick(&nodes));
            again_and_again(stage, Method::DELETE, &path, random).await;
            wanted.look(stage, count - 1).await;
        }
    }
}

/// For what may be asked twice: until it is answered.
async fn again_and_again(stage: &mut Stage, method: Method, path: &str, random: &mut Random) {
    let mut moment = kill(random);
    loop {
        let first = moment.is_some();
        match stage.send(method.clone(), path, None, moment.take()).await {
            // What was deleted by a request whose answer was lost is not there the second time.
            Some(answer) if answer.status == 404 && !first => return,
            Some(answer) => {
                assert!(
                    [200, 202].contains(&answer.status),
                    "{path}: {}",
                    answer.text
                );
                return;
            }
            None => assert!(first, "nobody killed it, and {path} was not answered"),
        }
    }
}

/// For what must not be asked twice: a look tells whether it was done, all of it or nothing.
async fn scale(stage: &mut Stage, wanted: &mut Wanted, random: &mut Random, method: Method) {
    let (before, by) = (wanted.nodes.len(), random.between(1, 4));
    let body = json!({"name": "node", "count": by});
    let by = usize::try_from(by).expect("a small number");
    let after = if method == Method::POST {
        before + by
    } else {
        before - by
    };
    let path = format!("/environments/{}/scale", wanted.environment);
    let answer = stage
        .send(method.clone(), &path, Some(&body), kill(random))
        .await;
    if let Some(answer) = answer {
        answer.ok();
    } else if stage.nodes().await.len() == before {
        let answer = stage.send(method, &path, Some(&body), None).await;
        answer.expect("nobody kills it now").ok();
    }
    wanted.look(stage, after).await;
}

// === impl Wanted ===

impl Wanted {
    /// Takes over which nodes there are, that must be so many; a new one is to run.
    async fn look(&mut self, stage: &Stage, count: usize) {
        let nodes = stage.nodes().await;
        assert_eq!(nodes.len(), count, "{nodes:#?}");
        let ids = nodes.iter().map(|node| node["id"].as_str().expect("an id"));
        self.nodes = ids
            .map(|id| {
                let state = self.nodes.get(id).copied().unwrap_or("running");
                (id.to_owned(), state)
            })
            .collect();
    }
}
