//! How long to wait, wrongly.

use serde_json::{Value, json};
use testkit::{Builder, Method, Scene};

testkit::on_both_databases![
    a_wait_that_is_no_number_of_seconds_is_refused,
    a_preference_that_can_not_be_understood_is_no_demand,
];

const WRONG: [&str; 9] = [
    "601",
    "-1",
    "soon",
    "",
    "1.5",
    "1e2",
    "0x10",
    "%31",
    "18446744073709551616",
];

async fn a_wait_that_is_no_number_of_seconds_is_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let body = scene.wanted("production", &nodes);
    for wait in WRONG {
        let path = format!("/environments?wait={wait}");
        let message = scene.owner.post(&path, &body).await.error(400);
        assert_eq!(
            message, "wait is a number of seconds from 0 to 600",
            "{wait}"
        );
    }
    scene.assert_nothing_was_made("after all of these").await;
    let id = scene.environment("production", &nodes).await;
    let before = scene.find(&id).await;
    for wait in WRONG {
        for (method, verb) in [
            (Method::GET, "/stop"),
            (Method::POST, "/stop"),
            (Method::POST, "/reboot"),
            (Method::GET, "/delete"),
            (Method::POST, "/delete"),
            (Method::DELETE, ""),
        ] {
            let path = format!("/environments/{id}{verb}?wait={wait}");
            let message = scene.owner.raw(method, &path, "").await.error(400);
            assert_eq!(
                message, "wait is a number of seconds from 0 to 600",
                "{path}"
            );
        }
    }
    assert_eq!(scene.find(&id).await, before);
    for call in ["stop", "reboot", "retire", "destroy"] {
        assert_eq!(scene.arcus.calls(call), 0, "{call}");
    }
}

async fn a_preference_that_can_not_be_understood_is_no_demand(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    for (number, wait) in WRONG.iter().filter(|wait| **wait != "%31").enumerate() {
        let body: Value = scene.wanted(&format!("e{number}"), &nodes);
        let request = scene.owner.request(Method::POST, "/environments");
        let request = request.header("Prefer", format!("wait={wait}"));
        let made = scene.owner.send(request.json(&body)).await.ok();
        assert_eq!(made["ready"], true, "{wait}");
    }
}
