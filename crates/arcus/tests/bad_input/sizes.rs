//! How many, how large, where and with what.

use serde_json::{Value, json};
use testkit::{Builder, Scene};

testkit::on_both_databases![
    what_the_provider_does_not_sell_is_refused_with_what_it_does,
    a_package_that_is_not_in_the_catalogue_is_refused,
    ten_thousand_nodes_are_refused,
    a_count_is_one_or_more,
    the_most_nodes_of_an_environment_are_counted_with_those_that_are_there,
];

/// Asks for an environment and returns why it was refused.
async fn refused(scene: &Scene, body: &Value) -> String {
    scene.owner.post("/environments", body).await.error(400)
}

fn one(field: &str, value: Value) -> Value {
    let mut node = json!({"name": "web", "size": "eos1"});
    node[field] = value;
    json!([node])
}

async fn what_the_provider_does_not_sell_is_refused_with_what_it_does(builder: Builder) {
    let scene = Scene::set(builder).await;
    for region in [
        "mars",
        "us-east-1",
        "",
        "Sandbox",
        "sandbox ",
        "\u{0}",
        "sandbox'; --",
    ] {
        let mut body = scene.wanted("production", &one("size", json!("eos1")));
        body["region"] = json!(region);
        let message = refused(&scene, &body).await;
        assert_eq!(
            message,
            format!("there is no region {region:?}; there are: sandbox")
        );
    }
    for size in ["t2.micro", "", "EOS1", "\u{0}", "eos1\n"] {
        let body = scene.wanted("production", &one("size", json!(size)));
        let message = refused(&scene, &body).await;
        let expected = format!("there is no size {size:?}; there are: eos1, eos2, ");
        assert!(message.starts_with(&expected), "{message}");
    }
    for image in ["windows", "", "debian-12;", "../debian-12"] {
        let body = scene.wanted("production", &one("image", json!(image)));
        let message = refused(&scene, &body).await;
        let expected = format!("there is no image {image:?}; there are: debian-12, debian-13, ");
        assert!(message.starts_with(&expected), "{message}");
    }
    scene.assert_nothing_was_made("after all of these").await;
}

async fn a_package_that_is_not_in_the_catalogue_is_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    for package in [
        "ngnix",
        "",
        "nginx; rm -rf /",
        "$(id)",
        "php.",
        "Nginx",
        "pkg_name",
    ] {
        let packages = json!(["redis", package]);
        let body = scene.wanted("production", &one("packages", packages));
        let message = refused(&scene, &body).await;
        let expected = format!("there is no package {package:?}; there are apache, ");
        assert!(message.starts_with(&expected), "{message}");
        assert!(
            message.contains("memcached, mongodb, mysql, nginx, php"),
            "{message}"
        );
    }
    // The first node would be fine, and is not made either.
    let nodes = json!([
        {"name": "web", "size": "eos1", "packages": ["nginx"]},
        {"name": "db", "size": "eos1", "packages": ["oracle"]},
    ]);
    refused(&scene, &scene.wanted("production", &nodes)).await;
    let both = one("packages", json!(["nginx", "apache"]));
    let message = refused(&scene, &scene.wanted("production", &both)).await;
    assert!(message.contains("can't be on one server"), "{message}");
    scene.assert_nothing_was_made("after all of these").await;
}

async fn ten_thousand_nodes_are_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    let list: Vec<Value> = (0..10_000)
        .map(|n| json!({"name": format!("n{n}"), "size": "eos1"}))
        .collect();
    for nodes in [
        json!(list),
        one("count", json!(10_000)),
        one("count", json!(101)),
        one("count", json!(i64::MAX)),
        json!([
            {"name": "a", "size": "eos1", "count": i64::MAX},
            {"name": "b", "size": "eos1", "count": i64::MAX},
        ]),
        // A count below zero makes no room for others.
        json!([
            {"name": "a", "size": "eos1", "count": -100},
            {"name": "b", "size": "eos1", "count": 150},
        ]),
    ] {
        let message = refused(&scene, &scene.wanted("production", &nodes)).await;
        assert!(
            message.starts_with("an environment has at most 100 nodes; 0 are there"),
            "{message}"
        );
        assert!(message.ends_with("nothing was created"), "{message}");
    }
    scene.assert_nothing_was_made("after all of these").await;
    let id = scene.environment("empty", &json!([])).await;
    let path = format!("/environments/{id}/nodes");
    let message = scene.owner.post(&path, &json!(list)).await.error(400);
    assert!(message.contains("10000 more were asked for"), "{message}");
    assert_eq!(scene.find(&id).await["nodes"], json!([]));
    assert_eq!(scene.arcus.calls("create"), 0);
}

async fn a_count_is_one_or_more(builder: Builder) {
    let scene = Scene::set(builder).await;
    for count in [0, -1, i64::MIN] {
        let body = scene.wanted("production", &one("count", json!(count)));
        assert_eq!(refused(&scene, &body).await, "count is 1 or more");
    }
    // Larger than any integer that is kept.
    let body = scene.wanted("production", &one("count", json!(1e30)));
    let message = refused(&scene, &body).await;
    assert!(
        message.starts_with("the body is not what this call takes"),
        "{message}"
    );
    let body = scene.wanted("production", &one("count", json!(u64::MAX)));
    refused(&scene, &body).await;
    scene.assert_nothing_was_made("after all of these").await;
}

async fn the_most_nodes_of_an_environment_are_counted_with_those_that_are_there(builder: Builder) {
    let scene = Scene::set(builder.flag("--max-nodes=3")).await;
    let id = scene
        .environment("production", &one("count", json!(2)))
        .await;
    let nodes = format!("/environments/{id}/nodes");
    let more = json!([{"name": "more", "size": "eos1", "count": 2}]);
    let message = scene.owner.post(&nodes, &more).await.error(400);
    assert!(
        message.contains("at most 3 nodes; 2 are there and 2 more"),
        "{message}"
    );
    let scale = format!("/environments/{id}/scale");
    let message = scene
        .owner
        .post(&scale, &json!({"name": "web", "count": 2}))
        .await
        .error(400);
    assert!(message.contains("at most 3 nodes"), "{message}");
    assert_eq!(scene.arcus.calls("create"), 2);
    scene
        .owner
        .post(&scale, &json!({"name": "web", "count": 1}))
        .await
        .ok();
    let three = |environment: &Value| environment["ready"] == true;
    let environment = scene.until(&id, "the third to run", three).await;
    assert_eq!(environment["nodes"].as_array().map(Vec::len), Some(3));
}
