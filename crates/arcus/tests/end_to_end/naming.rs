//! Names: as long as the API allows, and the same ones twice.

use serde_json::{Value, json};

use crate::rig::{Rig, address, is_ready, node};

/// `start` and as many `x` as make 64 characters of it, the most that a name may have.
fn longest(start: &str) -> String {
    format!("{start:x<64}")
}

#[tokio::test]
async fn names_that_are_longer_than_incus_allows_work() {
    let Some(mut rig) = Rig::start_bare(&[]).await else {
        return;
    };
    let organisation = longest(&format!("{}-", rig.organisation));
    rig.register(&organisation, "owner@example.com").await;
    let body = json!({"application_name": longest("application"), "application_type": "custom"});
    let application = rig.owner.post("/applications", &body).await.ok();
    let application = application[0]["id"].as_str().expect("an id");
    let (one, other) = (longest("one"), longest("other"));
    let body = json!({
        "provider_id": rig.provider, "region": "local", "environment": longest("environment"),
        "nodes": [{"name": one, "size": "eos1"}, {"name": other, "size": "eos1"}],
    });
    let path = format!("/applications/{application}/environments?wait=600");
    let made = rig.owner.post(&path, &body).await.ok();
    let id = made["environment"].as_str().expect("an id");
    assert_eq!(made["ready"], true, "{}", rig.environment(id).await);

    let shown = rig.environment(id).await;
    assert_eq!(rig.ssh(&shown, &node(&shown, &one), "hostname").await, one);
    let names = rig.instances().into_iter();
    let names = names.map(|instance| instance["name"].as_str().map(str::len));
    assert!(names.into_iter().all(|length| length <= Some(63)));
    rig.delete(id).await;
}

#[tokio::test]
async fn a_name_of_64_characters_can_be_numbered_and_scaled() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    let name = longest("web");
    let id = rig
        .ready("shop", &json!([{"name": name, "size": "eos1", "count": 2}]))
        .await;
    let body = json!({"name": name});
    let path = format!("/environments/{id}/scale");
    rig.owner.post(&path, &body).await.ok();
    let of_three = |environment: &Value| {
        is_ready(environment)
            && environment["nodes"]
                .as_array()
                .is_some_and(|all| all.len() == 3)
    };
    rig.until(&id, "three nodes to be ready", of_three).await;
    rig.delete(&id).await;
}

#[tokio::test]
async fn two_organisations_with_the_same_names_live_side_by_side() {
    let Some(mut rig) = Rig::start().await else {
        return;
    };
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let first = rig.ready("shop", &nodes).await;
    let shown = rig.environment(&first).await;
    let first_owner = rig.owner.clone();

    let name = rig.organisation.clone();
    rig.register(&name, "other@example.com").await;
    let second = rig.ready("shop", &nodes).await;
    assert_eq!(rig.environments().await.len(), 1);
    assert_eq!(rig.instances().len(), 2);

    // Each sees and reaches its own, and deleting one leaves the other alone.
    let answer = rig.owner.delete(&format!("/environments/{first}")).await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    let other = rig.environment(&second).await;
    let addresses = [&shown, &other].map(|one| node(one, "web")["public_ip"].clone());
    assert_ne!(addresses[0], addresses[1]);
    assert_eq!(
        rig.ssh(&other, &node(&other, "web"), "hostname").await,
        "web"
    );
    rig.owner
        .delete(&format!("/environments/{second}?wait=300"))
        .await
        .ok();
    testkit::wait::until("the second to be gone", crate::rig::PATIENCE, || async {
        (rig.instances().len() == 1).then_some(())
    })
    .await;
    assert_eq!(address(&rig.instances()[0]), addresses[0]);
    rig.owner = first_owner;
    assert_eq!(rig.environment(&first).await["ready"], true);
    rig.delete(&first).await;
}
