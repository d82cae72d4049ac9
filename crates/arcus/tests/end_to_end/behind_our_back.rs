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

#[tokio::test]
async fn what_somebody_else_made_under_a_servers_name_is_not_touched() {
    let Some((rig, id, name)) = one_server().await else {
        return;
    };
    incus(&["delete", "--force", &name]);
    incus(&["init", "debian/12", &name]);
    noticed(&rig, &id, "lost").await;
    let started = rig
        .owner
        .post(&format!("/environments/{id}/start?wait=60"), &Value::Null)
        .await;
    assert!(
        started.text.contains("is not this server"),
        "{}",
        started.text
    );
    rig.delete(&id).await;
    // Fails where it is not there any more.
    incus(&["delete", &name]);
}

#[tokio::test]
async fn a_copy_of_a_server_that_was_deleted_at_incus_is_not_taken_for_it() {
    let Some((rig, id, name)) = one_server().await else {
        return;
    };
    let copy = format!("{name}-backup");
    incus(&["copy", &name, &copy]);
    incus(&["delete", "--force", &name]);
    noticed(&rig, &id, "lost").await;
    rig.delete_but_copies(&id).await;
    // Fails where it is not there any more.
    incus(&["delete", &copy]);
}

#[tokio::test]
async fn a_copy_that_somebody_made_of_a_server_is_reported_and_left_alone() {
    let flags = ["--reconcile-secs=0.5", "--lease-secs=0.5"];
    let Some(rig) = Rig::start_with(&flags).await else {
        return;
    };
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let id = rig.ready("shop", &nodes).await;
    let name = rig.instances()[0]["name"].as_str().map(str::to_owned);
    let name = name.expect("a name");
    let copy = format!("{name}-backup");
    incus(&["copy", &name, &copy]);
    wait::until("it to be counted", SECONDS, || async {
        (rig.arcus.metric("arcus_orphans", &[]).await > 0.5).then_some(())
    })
    .await;
    rig.delete_but_copies(&id).await;
    // A command of the operator's looks at once, and a double is left alone for four leases, which are over by now.
    let listed = rig.arcus.tell(&["admin", "orphan", "ls"], "");
    assert!(listed.contains(&copy), "{listed}");
    let left = rig.instances();
    assert_eq!(left.len(), 1, "{left:?}");
    incus(&["delete", "--force", &copy]);
}
