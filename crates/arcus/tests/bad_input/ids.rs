//! Ids that are none, and ids of nothing.

use serde_json::json;
use testkit::{Builder, Method, Scene};

testkit::on_both_databases![
    an_address_with_an_id_that_is_none_is_not_there,
    an_id_in_a_body_that_is_none_is_the_requests_fault,
    an_id_of_nothing_creates_nothing,
];

const UNKNOWN: &str = "56dd617610d396503e2a6ab9";

async fn an_address_with_an_id_that_is_none_is_not_there(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let wanted = scene.wanted("production", &nodes).to_string();
    let (nodes, scale) = (nodes.to_string(), json!({"name": "web"}).to_string());
    let routes = [
        (Method::DELETE, "/providers/ID", ""),
        (Method::GET, "/providers/ID/meta", ""),
        (Method::DELETE, "/applications/ID", ""),
        (
            Method::POST,
            "/applications/ID/environments",
            wanted.as_str(),
        ),
        (Method::DELETE, "/environments/ID", ""),
        (Method::POST, "/environments/ID/nodes", &nodes),
        (Method::POST, "/environments/ID/scale", &scale),
        (Method::DELETE, "/environments/ID/scale", &scale),
        (Method::GET, "/environments/ID/query", ""),
        (Method::POST, "/environments/ID/query", ""),
        (Method::GET, "/environments/ID/start", ""),
        (Method::POST, "/environments/ID/start", ""),
        (Method::GET, "/environments/ID/stop", ""),
        (Method::POST, "/environments/ID/stop", ""),
        (Method::POST, "/environments/ID/reboot", ""),
        (Method::GET, "/environments/ID/delete", ""),
        (Method::POST, "/environments/ID/delete", ""),
        (Method::DELETE, "/nodes/ID", ""),
        (Method::DELETE, "/integrations/ID", ""),
    ];
    let long = "5".repeat(2000);
    for (method, path, body) in routes {
        for id in [
            UNKNOWN,
            "1",
            "56dd617610d396503e2a6ab",
            "56dd617610d396503e2a6ab90",
            "56DD617610D396503E2A6AB9",
            "g6dd617610d396503e2a6ab9",
            "%00",
            "%FF",
            "%27%20OR%201%3D1%20--",
            "..%2f..%2fetc%2fpasswd",
            "null",
            &long,
        ] {
            let path = path.replace("ID", id);
            let answer = scene.owner.raw(method.clone(), &path, body).await;
            assert_eq!(
                answer.header("content-type"),
                Some("application/json"),
                "{path}"
            );
            let message = answer.error(404);
            assert!(
                message.starts_with("no such "),
                "{method} {path}: {message}"
            );
        }
    }
    scene.assert_nothing_was_made("after all of these").await;
}

async fn an_id_in_a_body_that_is_none_is_the_requests_fault(builder: Builder) {
    let scene = Scene::set(builder).await;
    for id in [
        "",
        "1",
        "nope",
        "56DD617610D396503E2A6AB9",
        "\u{0}",
        "56dd617610d396503e2a6ab9 ",
    ] {
        let mut body = scene.wanted("production", &json!([{"name": "web", "size": "eos1"}]));
        body["integrations"] = json!([id]);
        let message = scene.owner.post("/environments", &body).await.error(400);
        assert_eq!(
            message,
            "integrations is no id: an id is 24 hexadecimal digits"
        );
        body["provider_id"] = json!(id);
        let message = scene.owner.post("/environments", &body).await.error(400);
        assert_eq!(
            message,
            "provider_id is no id: an id is 24 hexadecimal digits"
        );
    }
    scene.assert_nothing_was_made("after all of these").await;
}

async fn an_id_of_nothing_creates_nothing(builder: Builder) {
    let scene = Scene::set(builder).await;
    let mut body = scene.wanted("production", &json!([{"name": "web", "size": "eos1"}]));
    let path = format!("/applications/{UNKNOWN}/environments");
    let message = scene.owner.post(&path, &body).await.error(404);
    assert_eq!(message, "no such application");
    body["integrations"] = json!([UNKNOWN]);
    let message = scene.owner.post("/environments", &body).await.error(400);
    assert_eq!(message, format!("there is no integration {UNKNOWN}"));
    body["provider_id"] = json!(UNKNOWN);
    let message = scene.owner.post("/environments", &body).await.error(404);
    assert_eq!(message, "no such provider");
    scene.assert_nothing_was_made("after all of these").await;
}
