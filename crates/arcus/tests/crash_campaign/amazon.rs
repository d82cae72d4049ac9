//! Rounds at Amazon EC2's stand-in, with what Amazon does and the simulated cloud doesn't: what is new is not shown, states
//! take their time, answers are lost, calls are throttled, instances end while they start, credentials are taken away.
//!
//! The systems of its servers are not there to log in to: a server is followed until its instance runs. What must hold in
//! the end: no server has ever had two instances (0 duplicates), whatever lives at Amazon is a living server's (0 orphans),
//! and whatever a living server had is there or its end was told (0 forgotten).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use testkit::ec2::{Access, Call, Fault, StandIn};
use testkit::{Method, Records, wait};

use crate::random::Random;
use crate::stage::{Stage, Template};

/// Servers asked for in a round.
const SERVERS: usize = 4;

/// After so many faults Amazon is well again, so that a round comes to its end.
const FAULTS: usize = 30;

/// How long a round may take to get to where it waits for.
const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) async fn template() -> Arc<Template> {
    Template::prepare_at_amazon(&StandIn::start(), SERVERS).await
}

/// Kills amid creating an environment, changing how many servers it has, and deleting it.
pub(crate) async fn round(template: Arc<Template>, mut random: Random) {
    let amazon = amazon(&mut random);
    let mut dice = Random::new(random.next());
    let mut left = FAULTS;
    amazon.set_faults(move |call| {
        let fault = fault(&mut dice, call).filter(|_| left > 0);
        left -= usize::from(fault.is_some());
        fault
    });
    let mut stage = template.stage_at_amazon(&amazon).await;
    let moment = moment(&mut random);
    let environment = stage.create(moment).await;
    kill(&mut stage, &mut random).await;
    until_running(&stage, &amazon).await;
    if random.percent(40) {
        let node = stage.nodes().await[0]["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        remove(
            &mut stage,
            Method::DELETE,
            &format!("/nodes/{node}"),
            &mut random,
        )
        .await;
        kill(&mut stage, &mut random).await;
        until_running(&stage, &amazon).await;
    }
    let path = format!("/environments/{environment}/delete");
    remove(&mut stage, Method::POST, &path, &mut random).await;
    kill(&mut stage, &mut random).await;
    assert_nothing_is_left(&stage, &amazon).await;
}

/// The credentials are not accepted for a while, amid creating and amid deleting, with and without a kill.
pub(crate) async fn shut_out(template: Arc<Template>, mut random: Random) {
    let amazon = amazon(&mut random);
    let mut stage = template.stage_at_amazon(&amazon).await;
    let environment = stage.create(None).await;
    freeze(&mut stage, &amazon, &mut random).await;
    let records = stage.ledger.read().await;
    assert_eq!(records.living().count(), SERVERS, "{records:#?}");
    assert!(
        records.living().all(|server| server.setup != "failed"),
        "{records:#?}"
    );
    amazon.set_access(Access::Whole);
    until_running(&stage, &amazon).await;
    assert_eq!(amazon.living().len(), SERVERS);

    let path = format!("/environments/{environment}/delete");
    let asked_before = random.percent(50);
    if asked_before {
        remove(&mut stage, Method::POST, &path, &mut random).await;
    }
    freeze(&mut stage, &amazon, &mut random).await;
    if !asked_before {
        // It is asked for when nothing can be done about it, and done when something can.
        remove(&mut stage, Method::POST, &path, &mut random).await;
        until_frozen(&stage).await;
    }
    // Whatever lives at Amazon now stays in the database for as long as nobody can look.
    assert_accounted_for(&stage, &amazon).await;
    amazon.set_access(Access::Whole);
    assert_nothing_is_left(&stage, &amazon).await;
    let records = stage.ledger.read().await;
    let summary = records.summary();
    assert!(
        !summary.keys().any(|what| what.ends_with("failed")),
        "{records:#?}"
    );
}

/// Takes the credentials away after a moment, and waits until all work is frozen.
async fn freeze(stage: &mut Stage, amazon: &StandIn, random: &mut Random) {
    tokio::time::sleep(Duration::from_millis(random.between(0, 1500))).await;
    let ways = [
        Access::Revoked,
        Access::Expired,
        Access::TokenExpired,
        Access::Denied,
    ];
    amazon.set_access(random.pick(&ways).clone());
    if random.percent(50) {
        stage
            .kill_after(Duration::from_millis(random.between(0, 500)))
            .await;
    }
    until_frozen(stage).await;
    assert_accounted_for(stage, amazon).await;
}

/// Waits until whatever is under way says that it waits for the credentials; but for creates that have come to run, whose
/// systems are not there to log in to.
async fn until_frozen(stage: &Stage) {
    wait::until("the work to be frozen", PATIENCE, || async {
        let records = stage.ledger.read().await;
        let runs = |id: i64| {
            let mut servers = records.living();
            servers.any(|server| server.id == id && server.power == "running")
        };
        let pending = records
            .operations
            .iter()
            .filter(|operation| operation.finished_at.is_none());
        let mut waits = pending.map(|operation| {
            let mut told = operation.events.iter();
            told.any(|event| event.message.contains("it goes on when they are"))
                || (operation.kind == "create_server" && runs(operation.server_id))
        });
        waits.all(|waits| waits).then_some(())
    })
    .await;
}

fn amazon(random: &mut Random) -> StandIn {
    let amazon = StandIn::start();
    amazon.set_pace(Duration::from_millis(random.between(20, 600)));
    amazon.set_latency(Duration::from_millis(random.between(2, 80)));
    amazon.set_settling(Duration::from_millis(*random.pick(&[0, 300, 1500])));
    amazon.set_page(*random.pick(&[2, 1000]));
    amazon
}

/// About every fifteenth call goes wrong somehow, and more of the creates.
fn fault(dice: &mut Random, call: &Call) -> Option<Fault> {
    let makes = call.action == "RunInstances";
    match dice.between(0, 199) {
        0..3 => Some(Fault::Throttle(Some(1))),
        3 => Some(Fault::Throttle(None)),
        4..6 => Some(Fault::FailAfter),
        6..8 => Some(Fault::HangUpBefore),
        8..10 => Some(Fault::HangUpAfter),
        10..12 => Some(Fault::CutAfter),
        12 => Some(Fault::Refuse(503, "Unavailable")),
        20..60 if makes => Some(lost(dice)),
        60..70 if makes => Some(Fault::Refuse(500, "InsufficientInstanceCapacity")),
        70..80 if makes => Some(Fault::EndAtOnce),
        _ => None,
    }
}

/// The instance is made, and whoever asked for it does not learn so.
fn lost(dice: &mut Random) -> Fault {
    let ways = [Fault::FailAfter, Fault::HangUpAfter, Fault::CutAfter];
    dice.pick(&ways).clone()
}

fn moment(random: &mut Random) -> Option<Duration> {
    let moment = Duration::from_millis(random.between(0, 2500));
    random.percent(70).then_some(moment)
}

/// Once or twice, or not at all.
async fn kill(stage: &mut Stage, random: &mut Random) {
    for _ in 0..random.between(0, 2) {
        let moment = Duration::from_millis(random.between(0, 3000));
        stage.kill_after(moment).await;
    }
}

/// Asks until it is answered. What was removed by a request whose answer was lost is not there the second time.
async fn remove(stage: &mut Stage, method: Method, path: &str, random: &mut Random) {
    let mut kill = moment(random);
    loop {
        let answer = stage.send(method.clone(), path, None, kill.take()).await;
        if let Some(answer) = answer {
            assert!(
                [200, 202, 404].contains(&answer.status),
                "{path}: {}",
                answer.text
            );
            return;
        }
    }
}

/// Waits until each server's instance runs, or its end was told: where Amazon ended it while it was starting.
async fn until_running(stage: &Stage, amazon: &StandIn) {
    wait::until("every server to run", PATIENCE, || async {
        let records = stage.ledger.read().await;
        let instances = amazon.instances();
        let state = |id: &str| {
            let found = instances.iter().find(|instance| instance.id == id);
            found.map_or("unknown", |found| found.state)
        };
        let settled = records.living().all(|server| {
            let state = server.cloud_id.as_deref().map(state);
            server.desired == "destroyed"
                || (server.power == "running" && state == Some("running"))
                || (server.setup == "failed" && state == Some("terminated"))
        });
        settled.then_some(())
    })
    .await;
    assert_accounted_for(stage, amazon).await;
}

/// No server has two instances; what lives at Amazon is a living server's. An instance whose create is not over may be one
/// that its server doesn't know of yet.
async fn assert_accounted_for(stage: &Stage, amazon: &StandIn) {
    // First what Amazon has: a row that is there later was there before, for no row is made without its owner.
    let living = amazon.living();
    let records = stage.ledger.read().await;
    let known: BTreeSet<&str> = records
        .living()
        .filter_map(|server| server.cloud_id.as_deref())
        .collect();
    let unknown = records.living().filter(|server| server.cloud_id.is_none());
    let unknown = unknown.count();
    let strangers: Vec<_> = living
        .iter()
        .filter(|instance| !known.contains(instance.id.as_str()))
        .collect();
    assert!(
        strangers.len() <= unknown,
        "{strangers:#?} for {unknown} servers: {records:#?}"
    );
    assert_no_doubles(amazon, &records);
}

/// Every instance that there ever was is of another server, and bears that server's tag.
fn assert_no_doubles(amazon: &StandIn, records: &Records) {
    let instances = amazon.instances();
    let tokens: BTreeSet<&str> = instances
        .iter()
        .map(|instance| instance.tags["arcus:token"].as_str())
        .collect();
    assert_eq!(tokens.len(), instances.len(), "a double: {instances:#?}");
    assert!(
        instances.len() <= records.servers.len(),
        "{instances:#?} {records:#?}"
    );
    for instance in &instances {
        assert_eq!(instance.client_token, instance.tags["arcus:token"]);
        assert_eq!(instance.tags["arcus:installation"], records.installation);
    }
}

/// Once everything is deleted: nothing is under way, nothing lives, and nothing is kept, here or there.
async fn assert_nothing_is_left(stage: &Stage, amazon: &StandIn) {
    wait::until("everything to be done", PATIENCE, || async {
        let pending = stage.ledger.pending().await;
        (pending == 0).then_some(())
    })
    .await;
    let records = stage.ledger.read().await;
    records.assert_whole();
    assert_eq!(records.living().count(), 0, "{records:#?}");
    assert_no_doubles(amazon, &records);
    assert_eq!(amazon.living(), [], "orphans: {records:#?}");
    let none = Vec::<String>::new();
    let log = || stage.arcus.log().join("\n");
    assert_eq!(amazon.groups(), none, "{}", log());
    assert_eq!(amazon.keys(), none, "{}", log());
    let left = stage.client().get("/environments").await.ok();
    assert_eq!(left, serde_json::json!([]));
}
