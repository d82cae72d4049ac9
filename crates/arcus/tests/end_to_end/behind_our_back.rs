//! What somebody does at Incus without Arcus is noticed at once, by Incus's own word: the reconcilers' period is an
//! hour here.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::wait;

use crate::rig::{Rig, incus, node};

const SECONDS: Duration = Duration::from_secs(10);

async fn one_server() -> Option<(Rig, String, String)> {
    let rig = Rig::start_with(&["--reconcile-secs=3600"]).await?;
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let id = rig.ready("shop", &nodes).await;
    let name = rig.instances()[0]["name"].as_str().map(str::to_owned);
    Some((rig, id, name.expect("a name")))
}

/// Waits until the server shows that word, and says so within seconds.
async fn noticed(rig: &Rig, id: &str, status: &str) -> Value {
    let since = Instant::now();
    let found = wait::until(status, SECONDS, || async {
        let web = rig.node(id, "web").await;
        (web["status"] == status).then_some(web)
    })
    .await;
    eprintln!("noticed as {status} after {:?}", since.elapsed());
    found
}

#[tokio::test]
async fn a_server_that_was_stopped_and_started_at_incus_shows_so_within_seconds() {
    let Some((rig, id, name)) = one_server().await else {
        return;
    };
    incus(&["stop", "--force", &name]);
    noticed(&rig, &id, "stopped").await;
    assert_eq!(rig.environment(&id).await["status"], "stopped");
    incus(&["start", &name]);
    noticed(&rig, &id, "running").await;
    rig.delete(&id).await;
}

#[tokio::test]
async fn a_server_that_was_deleted_at_incus_is_lost_and_its_environment_degraded() {
    let Some((rig, id, name)) = one_server().await else {
        return;
    };
    incus(&["delete", "--force", &name]);
    let web = noticed(&rig, &id, "lost").await;
    assert!(
        web["error"]
            .as_str()
            .is_some_and(|why| why.contains("vanished")),
        "{web}"
    );
    let shown = rig.environment(&id).await;
    assert_eq!(shown["status"], "degraded");
    assert_eq!(shown["ready"], false);
    assert_eq!(node(&shown, "web")["id"], web["id"]);
    rig.delete(&id).await;
}
