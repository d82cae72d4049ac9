//! Adding nodes to an environment and taking them away: `/environments/{id}/nodes`, `/environments/{id}/scale`,
//! `/nodes/{id}`.

use serde_json::{Value, json};
use testkit::{Builder, Method, Scene, assert_shape};

testkit::on_both_databases![
    nodes_are_added_to_an_environment,
    more_of_a_node_are_made_by_its_name,
    fewer_nodes_are_left_by_their_tags_the_newest_going_first,
    what_is_scaled_has_to_be_named_exactly,
    a_node_is_destroyed_and_its_name_is_free_again,
];

/// The answer to what adds or removes nodes.
fn printed() -> Value {
    let node = json!({
        "id": "...", "name": "...", "size": "...", "packages": [], "tags": {}, "public_ip": "...",
        "private_ip": "...", "status": "...", "image": "...", "created_at": "...",
    });
    json!({"message": "...", "id": "...", "nodes": [node]})
}

fn names(nodes: &Value) -> Vec<&str> {
    let nodes = nodes.as_array().expect("an array").iter();
    nodes
        .map(|node| node["name"].as_str().expect("a name"))
        .collect()
}

fn all_run(environment: &Value) -> bool {
    environment["ready"] == true
}

async fn nodes_are_added_to_an_environment(builder: Builder) {
    let scene = Scene::set(builder).await;
    let first = json!([{"name": "web", "size": "eos1", "packages": ["nginx"]}]);
    let id = scene.environment("production", &first).await;
    let more = json!([
        {"name": "db", "size": "eos3", "packages": ["mysql"], "tags": {"tier": "data"}},
        {"name": "cache", "size": "eos1", "count": 2},
    ]);
    let path = format!("/environments/{id}/nodes");
    let added = scene.owner.post(&path, &more).await.ok();
    assert_shape(&added, &printed());
    assert_eq!(added["id"], id);
    assert_eq!(names(&added["nodes"]), ["db", "cache-1", "cache-2"]);
    let environment = scene.until(&id, "the nodes to run", all_run).await;
    assert_eq!(
        names(&environment["nodes"]),
        ["web", "db", "cache-1", "cache-2"]
    );
    assert_eq!(environment["nodes"][1]["size"], "eos3");
    assert_eq!(environment["nodes"][1]["tags"], json!({"tier": "data"}));
    assert_eq!(scene.arcus.instances().len(), 4);
}

async fn more_of_a_node_are_made_by_its_name(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([
        {"name": "web", "size": "eos2", "packages": ["nginx"], "tags": {"tier": "front"}, "image": "debian-13"},
        {"name": "db", "size": "eos1"},
    ]);
    let id = scene.environment("production", &nodes).await;
    let path = format!("/environments/{id}/scale");
    let added = scene
        .owner
        .post(&path, &json!({"name": "web", "count": 2}))
        .await
        .ok();
    assert_shape(&added, &printed());
    assert_eq!(added["id"], id);
    assert_eq!(names(&added["nodes"]), ["web-2", "web-3"]);
    let environment = scene.until(&id, "the nodes to run", all_run).await;
    assert_eq!(
        names(&environment["nodes"]),
        ["web", "db", "web-2", "web-3"]
    );
    let nodes = environment["nodes"].as_array().expect("an array");
    for more in &nodes[2..] {
        for like in ["size", "packages", "tags", "image"] {
            assert_eq!(more[like], nodes[0][like], "{like}");
        }
    }
    assert_eq!(scene.arcus.instances().len(), 4);
    // Without a count it is one more, and by tags it is as good as by name.
    let tags = json!({"tags": {"tier": "front"}});
    let added = scene.owner.post(&path, &tags).await.ok();
    assert_eq!(names(&added["nodes"]), ["web-4"]);
}

async fn fewer_nodes_are_left_by_their_tags_the_newest_going_first(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([
        {"name": "a", "size": "eos1", "tags": {"tier": "front", "n": 1}},
        {"name": "b", "size": "eos1", "tags": {"tier": "front"}},
        {"name": "c", "size": "eos1", "tags": {"tier": "front"}},
        {"name": "d", "size": "eos1", "tags": {"tier": "back"}},
    ]);
    let id = scene.environment("production", &nodes).await;
    let path = format!("/environments/{id}/scale");
    let body = json!({"tags": {"tier": "front"}, "count": 2});
    let removed = scene.owner.delete_with(&path, &body).await.ok();
    assert_shape(&removed, &printed());
    assert_eq!(removed["id"], id);
    assert_eq!(names(&removed["nodes"]), ["c", "b"]);
    let two = |environment: &Value| {
        environment["nodes"]
            .as_array()
            .is_some_and(|all| all.len() == 2)
    };
    let environment = scene.until(&id, "two nodes to be left", two).await;
    assert_eq!(names(&environment["nodes"]), ["a", "d"]);
    assert_eq!(environment["ready"], true);
    let there = scene.arcus.instances();
    let mut there: Vec<_> = there.iter().map(|one| one["name"].as_str()).collect();
    there.sort_unstable();
    let prefix = "company-name-my-email-com-default-production";
    let left = [format!("{prefix}-a"), format!("{prefix}-d")];
    assert_eq!(there, [Some(left[0].as_str()), Some(left[1].as_str())]);
    // Every tag has to fit, and by name it works as well.
    let body = json!({"tags": {"tier": "back", "n": 1}});
    scene.owner.delete_with(&path, &body).await.error(400);
    let removed = scene
        .owner
        .delete_with(&path, &json!({"name": "d"}))
        .await
        .ok();
    assert_eq!(names(&removed["nodes"]), ["d"]);
}

async fn what_is_scaled_has_to_be_named_exactly(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1", "tags": {"tier": "front"}}]);
    let id = scene.environment("production", &nodes).await;
    let before = scene.find(&id).await;
    let path = format!("/environments/{id}/scale");
    for (body, message) in [
        (json!({}), "send either name or tags"),
        (json!({"count": 1}), "send either name or tags"),
        (
            json!({"name": "web", "tags": {"tier": "front"}}),
            "send either name or tags",
        ),
        (json!({"tags": {}}), "name a node, or one tag at least"),
        (
            json!({"name": "we"}),
            "no node of this environment is called \"we\"",
        ),
        (
            json!({"tags": {"tier": "back"}}),
            "no node of this environment bears those tags",
        ),
        (json!({"name": "web", "count": 0}), "count is 1 or more"),
        (json!({"name": "web", "count": -1}), "count is 1 or more"),
        (
            json!({"name": "web", "count": 1.5}),
            "the body is not what this call takes",
        ),
        (
            json!({"name": "web", "count": "2"}),
            "the body is not what this call takes",
        ),
        (json!({"name": 7}), "the body is not what this call takes"),
        (json!([]), "the body is not what this call takes"),
    ] {
        for method in [Method::POST, Method::DELETE] {
            let answer = scene.owner.raw(method, &path, body.to_string()).await;
            let said = answer.error(400);
            assert!(said.contains(message), "{body}: {said}");
        }
    }
    for count in [100, 10_000, i64::MAX] {
        let body = json!({"name": "web", "count": count});
        let said = scene.owner.post(&path, &body).await.error(400);
        assert!(said.contains("at most 100 nodes"), "{said}");
    }
    let body = json!({"name": "web", "count": 2});
    let said = scene.owner.delete_with(&path, &body).await.error(400);
    assert!(said.contains("nothing was removed"), "{said}");
    assert_eq!(scene.find(&id).await, before);
    assert_eq!(scene.arcus.calls("create"), 1);
    assert_eq!(scene.arcus.calls("destroy"), 0);
}

async fn a_node_is_destroyed_and_its_name_is_free_again(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1"}, {"name": "db", "size": "eos1"}]);
    let id = scene.environment("production", &nodes).await;
    let environment = scene.find(&id).await;
    let node = environment["nodes"][0]["id"].as_str().expect("an id");
    let path = format!("/nodes/{node}");
    let deleted = scene.owner.delete(&path).await.ok();
    assert_shape(&deleted, &json!({"message": "...", "id": "..."}));
    assert_eq!(deleted["id"], node);
    let gone = |environment: &Value| names(&environment["nodes"]) == ["db"];
    let left = scene.until(&id, "the node to go", gone).await;
    assert_eq!(
        left["nodes"][0], environment["nodes"][1],
        "the other is as it was"
    );
    assert_eq!(scene.arcus.instances().len(), 1);
    scene.owner.delete(&path).await.error(404);
    let again = json!([{"name": "web", "size": "eos1"}]);
    let path = format!("/environments/{id}/nodes");
    let added = scene.owner.post(&path, &again).await.ok();
    assert_ne!(added["nodes"][0]["id"], node);
    scene.until(&id, "both to run", all_run).await;
}
