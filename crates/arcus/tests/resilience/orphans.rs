//! Orphans: what bears our tag at a cloud and is no server of ours is reported, adopted or removed, never silently.

use std::time::Duration;

use serde_json::json;
use testkit::{Builder, Scene, wait};

const PATIENCE: Duration = Duration::from_secs(30);

/// An instance with this installation's tag that no row knows.
async fn orphan(scene: &Scene) -> String {
    let installation = scene.arcus.ledger().await.read().await.installation;
    let token = "0123456789abcdef0123456789abcdef";
    let add = [
        "sandbox",
        "add",
        "stray",
        "--token",
        token,
        "--installation",
        &installation,
    ];
    scene.arcus.tell(&add, "")
}

fn listed(scene: &Scene) -> String {
    scene.arcus.tell(&["admin", "orphan", "ls"], "")
}

/// The number of the only orphan in the list.
fn number(list: &str, instance: &str) -> String {
    let line = list.lines().find(|line| line.contains(instance));
    let line = line.unwrap_or_else(|| panic!("it is not reported: {list}"));
    let digits = line.split(|character: char| !character.is_ascii_digit());
    digits
        .into_iter()
        .find(|part| !part.is_empty())
        .expect("a number")
        .to_owned()
}

async fn an_orphan_is_reported_and_left_alone(builder: Builder) {
    let scene = Scene::set(builder.flag("--reconcile-secs=0.2")).await;
    let instance = orphan(&scene).await;
    wait::until("it to be counted", PATIENCE, || async {
        (scene.arcus.metric("arcus_orphans", &[]).await > 0.5).then_some(())
    })
    .await;
    assert!(listed(&scene).contains(&instance));
    assert!(
        scene
            .arcus
            .log()
            .iter()
            .any(|line| line.contains(&instance)),
        "nobody was told"
    );
    assert_eq!(scene.arcus.instances().len(), 1);
    assert_eq!(scene.arcus.calls("destroy"), 0);
}

async fn what_bears_somebody_elses_tag_or_none_is_none_of_our_business(builder: Builder) {
    let scene = Scene::set(
        builder
            .flag("--reconcile-secs=0.2")
            .flag("--orphans=remove")
            .flag("--orphans-after-secs=0.1"),
    )
    .await;
    scene.arcus.tell(&["sandbox", "add", "untagged"], "");
    let other = [
        "sandbox",
        "add",
        "foreign",
        "--token",
        "0123456789abcdef0123456789abcdef",
        "--installation",
        "another",
    ];
    scene.arcus.tell(&other, "");
    let ours = orphan(&scene).await;
    wait::until("ours to be removed", PATIENCE, || async {
        let ids = scene.arcus.instances();
        (!ids.iter().any(|instance| instance["id"] == ours.as_str())).then_some(())
    })
    .await;
    assert_eq!(
        scene.arcus.instances().len(),
        2,
        "somebody else's was taken for ours"
    );
    let audited = scene.arcus.run(&["audit", "verify"]);
    assert!(audited.status.success());
}

async fn an_operator_adopts_an_orphan_into_an_environment(builder: Builder) {
    let mut scene = Scene::set(builder).await;
    scene.provider = scene.owner.add_provider("arcus").await;
    let id = scene
        .environment("shop", &json!([{"name": "web", "size": "eos1"}]))
        .await;
    let instance = orphan(&scene).await;
    let number = number(&listed(&scene), &instance);
    let adopt = ["admin", "orphan", "adopt", &number, "--environment", &id];
    let plan = ["--plan", "eos1"];
    scene.arcus.tell(&[&adopt[..], &plan].concat(), "");
    let shown = scene.find(&id).await;
    assert_eq!(shown["nodes"].as_array().expect("nodes").len(), 2);
    assert_eq!(shown["ready"], true, "{shown}");
    // From now on it is a server like any other.
    let path = format!("/environments/{id}/delete");
    scene.owner.post(&path, &serde_json::Value::Null).await.ok();
    scene.until_empty().await;
}

async fn an_operator_removes_an_orphan(builder: Builder) {
    let scene = Scene::set(builder).await;
    let instance = orphan(&scene).await;
    let number = number(&listed(&scene), &instance);
    scene.arcus.tell(&["admin", "orphan", "rm", &number], "");
    wait::until("it to be gone", PATIENCE, || async {
        scene.arcus.instances().is_empty().then_some(())
    })
    .await;
}

testkit::on_both_databases!(
    an_orphan_is_reported_and_left_alone,
    what_bears_somebody_elses_tag_or_none_is_none_of_our_business,
    an_operator_adopts_an_orphan_into_an_environment,
    an_operator_removes_an_orphan,
);
