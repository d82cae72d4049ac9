//! `X-Plan`: what was agreed to is done, and nothing else is.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, Scene};

use super::{on_terms, planned};

testkit::on_both_databases![
    what_was_planned_is_made_on_its_terms,
    a_plan_that_no_longer_holds_is_refused_and_nothing_is_done,
    a_plan_of_one_change_is_none_of_another,
];

async fn what_was_planned_is_made_on_its_terms(builder: Builder) {
    let scene = Scene::set(builder).await;
    let owner = &scene.owner;
    let body = scene.wanted(
        "production",
        &json!([{"name": "web", "size": "eos1", "count": 2}]),
    );
    let plan = planned(owner, Method::POST, "/environments", &body).await;
    let made = on_terms(owner, Method::POST, "/environments", &body, &plan)
        .await
        .ok();
    let id = made["environment"].as_str().expect("an id");
    assert_eq!(scene.arcus.instances().len(), 2);
    let path = format!("/environments/{id}/scale");
    let down = json!({"name": "web", "count": 1});
    let plan = planned(owner, Method::DELETE, &path, &down).await;
    on_terms(owner, Method::DELETE, &path, &down, &plan)
        .await
        .ok();
    let one_left = |environment: &Value| environment["nodes"].as_array().map(Vec::len) == Some(1);
    scene.until(id, "one to be left", one_left).await;
    let path = format!("/environments/{id}");
    let plan = planned(owner, Method::DELETE, &path, &Value::Null).await;
    on_terms(owner, Method::DELETE, &path, &Value::Null, &plan)
        .await
        .ok();
    scene.until_empty().await;
}

async fn a_plan_that_no_longer_holds_is_refused_and_nothing_is_done(builder: Builder) {
    let scene = Scene::set(builder).await;
    let owner = &scene.owner;
    let id = scene
        .environment("production", &json!([{"name": "web", "size": "eos1"}]))
        .await;
    let delete = format!("/environments/{id}");
    let plan = planned(owner, Method::DELETE, &delete, &Value::Null).await;
    let scale = format!("/environments/{id}/scale");
    let up = json!({"name": "web", "count": 1});
    let older = planned(owner, Method::POST, &scale, &up).await;
    // Somebody else adds one.
    owner.post(&scale, &up).await.ok();
    let ready = |environment: &Value| environment["ready"] == true;
    let before = scene.until(&id, "both to run", ready).await;
    for (method, path, body, plan) in [
        (Method::DELETE, &delete, &Value::Null, &plan),
        (Method::POST, &scale, &up, &older),
    ] {
        let refused = on_terms(owner, method, path, body, plan).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert!(
            refused
                .text
                .contains("no longer holds, and nothing was done"),
            "{}",
            refused.text
        );
    }
    assert_eq!(scene.find(&id).await, before);
    assert_eq!(scene.arcus.instances().len(), 2);
}

async fn a_plan_of_one_change_is_none_of_another(builder: Builder) {
    let scene = Scene::set(builder).await;
    let owner = &scene.owner;
    let small = scene.wanted("production", &json!([{"name": "web", "size": "eos1"}]));
    let large = scene.wanted("production", &json!([{"name": "web", "size": "eos3"}]));
    let plan = planned(owner, Method::POST, "/environments", &small).await;
    let refused = on_terms(owner, Method::POST, "/environments", &large, &plan).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let both = owner
        .request(Method::POST, "/environments?plan=true")
        .header("X-Plan", "0");
    owner.send(both.json(&small)).await.error(400);
    scene.assert_nothing_was_made("a refusal").await;
}
