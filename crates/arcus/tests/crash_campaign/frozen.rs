//! Rounds in which the process is frozen (SIGSTOP) for longer than its leases last, and wakes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Database, OperationRecord, Records, Scene, wait};

use crate::random::Random;
use crate::stage::{self, SERVERS, Template};

/// How long a round may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Another replica takes over what the frozen one held; then the frozen one wakes, and believes that it holds it.
/// How many operations that were running when it froze were taken over.
pub(crate) async fn beside_a_replica(mut random: Random) -> usize {
    let builder = stage::builder().database(Database::postgres().await);
    let scene = Scene::set(builder).await;
    let mut frozen = scene.arcus;
    let mut other = frozen.replica().await;
    let mut faults = stage::slow(&mut random);
    faults.push(format!("ignore_tokens={}", random.percent(30)));
    let settings: Vec<&str> = faults.iter().map(String::as_str).collect();
    frozen.faults(&settings);
    let ledger = frozen.ledger().await;
    let body = json!({
        "provider_id": scene.provider, "region": "sandbox", "environment": "frozen",
        "nodes": [{"name": "node", "size": "eos1", "count": SERVERS}],
    });
    // The other looks away until the one that is to freeze has claimed it all; else it might freeze with nothing to lose.
    other.freeze().await;
    let answer = scene.owner.post("/environments?wait=0", &body).await;
    answer.expect(202);
    wait::until("something to run", PATIENCE, || async {
        let summary = ledger.read().await.summary();
        (!summary.contains_key("create_server queued")).then_some(())
    })
    .await;
    let deleted = random.percent(30);
    tokio::time::sleep(Duration::from_millis(random.between(0, 250))).await;
    frozen.freeze().await;
    let at_stop = ledger.read().await;
    other.signal("CONT");
    let client = scene.owner.at(other.base());
    let count = if deleted {
        let environments = client.get("/environments").await.ok();
        let id = environments[0]["id"].as_str().expect("an id").to_owned();
        let path = format!("/environments/{id}/delete?wait=0");
        let answer = client.post(&path, &Value::Null).await;
        assert!([200, 202].contains(&answer.status), "{}", answer.text);
        0
    } else {
        SERVERS
    };
    match random.between(0, 3) {
        // Around the moment at which its leases run out.
        0 => {
            let moment = random.between(600, 1500);
            tokio::time::sleep(Duration::from_millis(moment)).await;
        }
        // While the other is at what it has taken over.
        1 => {
            wait::until("the other to take over", PATIENCE, || async {
                let now = ledger.read().await;
                let idle = ledger.pending().await == 0;
                (idle || taken_over(&at_stop, &now) > 0).then_some(())
            })
            .await;
            tokio::time::sleep(Duration::from_millis(random.between(0, 300))).await;
        }
        _ => {
            wait::until("the other to do it all", PATIENCE, || async {
                (ledger.pending().await == 0).then_some(())
            })
            .await;
        }
    }
    frozen.signal("CONT");
    wait::until("everything to be done", PATIENCE, || async {
        (ledger.pending().await == 0).then_some(())
    })
    .await;
    // It stops when its last worker has: nothing of what it believed is on its way any more.
    assert!(frozen.stop().await.success());
    let records = ledger.read().await;
    records.assert_whole();
    let known = records.living().map(|server| server.cloud_id.clone());
    let mut known: Vec<String> = known.flatten().collect();
    known.sort_unstable();
    assert_eq!(known.len(), count, "{records:#?}");
    wait::until("no double to be left", Duration::from_secs(30), || async {
        let instances = other.instances();
        let ids = instances.iter().map(|instance| instance["id"].as_str());
        let mut ids: Vec<String> = ids.flatten().map(str::to_owned).collect();
        ids.sort_unstable();
        (ids == known).then_some(())
    })
    .await;
    assert!(other.stop().await.success());
    taken_over(&at_stop, &records)
}

/// How many of the operations that were running before were claimed again without their worker having put them back,
/// which leaves an event.
fn taken_over(before: &Records, after: &Records) -> usize {
    let put_back = |record: &OperationRecord| {
        let events = record.events.iter();
        events.filter(|event| event.step == "retry").count()
    };
    let was = |before: &OperationRecord, after: &OperationRecord| {
        let claims = usize::try_from(after.attempt - before.attempt).unwrap_or(0);
        claims > put_back(after) - put_back(before)
    };
    let running = before.operations.iter();
    let running = running.filter(|before| before.status == "running");
    running
        .filter(|before| {
            let mut after = after.operations.iter();
            after.any(|after| after.id == before.id && was(before, after))
        })
        .count()
}

/// Nobody takes over: its leases have run out when it wakes, and it is itself that would take them up.
pub(crate) async fn alone(template: Arc<Template>, mut random: Random) {
    let mut faults = stage::slow(&mut random);
    faults.push("ignore_tokens=true".to_owned());
    let mut stage = template.stage(&faults).await;
    let environment = stage.create(None).await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(random.between(0, 150))).await;
        stage.arcus.signal("STOP");
        tokio::time::sleep(Duration::from_millis(random.between(600, 900))).await;
        stage.arcus.signal("CONT");
    }
    stage.come_to_rest().await;
    let records = stage.ledger.read().await;
    stage.assert_right(&environment, SERVERS).await;
    for operation in &records.operations {
        assert_eq!(operation.attempt, 1, "it was done twice: {operation:#?}");
    }
}
