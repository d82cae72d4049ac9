//! What is done to a server that is there, and servers from snapshots.

use serde_json::json;
use testkit::{Builder, Shop, assert_shape};

use super::{done_as, snapshot};
use crate::curls::{
    CHANGE_PASSWORD, CREATE_FROM_SNAPSHOT, REBOOT, REINSTALL, RESTORE, START, STOP, UPGRADE,
};
use crate::printed::curl;

testkit::on_both_databases![
    a_server_is_switched_as_printed,
    a_server_that_is_in_that_state_already_is_switched_at_once,
    a_password_is_changed_as_printed,
    a_server_is_made_from_a_snapshot_as_printed,
    a_plan_that_is_too_small_for_a_snapshot_is_refused_in_the_printed_bytes,
    a_server_goes_back_to_a_snapshot_as_printed,
    a_server_does_not_go_back_to_another_ones_snapshot,
    a_server_is_reinstalled_as_printed,
    a_server_is_reinstalled_with_another_image,
    a_server_is_upgraded_as_printed,
];

/// What the documentation prints for the server that a request is about.
const PLACEHOLDER: &str = "{{subscription_id}}";

async fn a_server_is_switched_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    for (printed, event, state) in [
        (STOP, "VM.STOP", "Stopped"),
        (START, "VM.START", "Running"),
        (REBOOT, "VM.REBOOT", "Running"),
    ] {
        let answer = curl(&shop.customer, printed, &[("id=1", &format!("id={id}"))]);
        let shape = json!({"status": "success", "data": {"event_id": 1587}, "message": null});
        assert_shape(&answer.clone().ok(), &shape);
        let ended = done_as(&shop, answer, event).await;
        assert_eq!(ended["subscription_id"], id);
        assert_eq!(shop.shown(id).await["state"], state);
    }
}

async fn a_server_that_is_in_that_state_already_is_switched_at_once(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    // It runs; and once it is off, it is off.
    for (verb, is_so) in [("start", true), ("stop", false), ("stop", true)] {
        let calls = shop.arcus.calls(verb);
        let event = shop.asked(&format!("/v1/server/{id}/{verb}"), &[]).await;
        shop.done(event).await;
        assert_eq!(shop.arcus.calls(verb) == calls, is_so, "{verb}");
    }
}

async fn a_password_is_changed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await.to_string();
    let own = [(PLACEHOLDER, &*id), ("1520", &*id)];
    let answer = curl(&shop.customer, CHANGE_PASSWORD, &own);
    let data = answer.clone().data();
    let password = data["password"].as_str().expect("a password");
    assert!(password.len() >= 16, "{password}");
    done_as(&shop, answer, "VM.PASSWORD").await;
    assert!(!shop.arcus.log().join("\n").contains(password));
}

async fn a_server_is_made_from_a_snapshot_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let form = [
        ("name", "small"),
        ("region", "ist2"),
        ("package", "eos1"),
        ("image", "debian-12"),
    ];
    let event = shop.asked("/v1/server/create", &form).await;
    let small = shop.done(event).await["subscription_id"].as_i64();
    let own = snapshot(&shop, small.expect("an id")).await;
    let answer = curl(&shop.customer, CREATE_FROM_SNAPSHOT, &[("37", &own)]);
    let event = done_as(&shop, answer, "VM.CREATE").await;
    let made = event["subscription_id"].as_i64().expect("an id");
    let made = shop.shown(made).await;
    assert_eq!(
        (&made["name"], &made["state"]),
        (&json!("snaptovm - api2"), &json!("Running"))
    );
    assert_eq!(made["region"], "ist2");
}

/// The documentation's numbers are those of these very plans, so that even they are the same.
async fn a_plan_that_is_too_small_for_a_snapshot_is_refused_in_the_printed_bytes(builder: Builder) {
    let printed = r#"{
  "status": "error",
  "data": null,
  "message": "The selected package disk size must be greater than or equal to the snapshot disk size. ( 40/20 GB ).",
  "error": {
    "errorMessage": "The selected package disk size must be greater than or equal to the snapshot disk size. ( 40/20 GB ).",
    "errorDev": ""
  }
}"#;
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let own = snapshot(&shop, id).await;
    let answer = curl(&shop.customer, CREATE_FROM_SNAPSHOT, &[("37", &own)]);
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    // `errorDev` is empty in the documentation; it names the request.
    let request = answer.header("x-request-id").expect("an id");
    let named = |request: &str| format!("\"errorDev\": \"{request}\"");
    assert_eq!(answer.text.replace(&named(request), &named("")), printed);
    assert_ne!(answer.text, printed, "it names no request");
    assert_eq!(shop.arcus.instances().len(), 1);
}

async fn a_server_goes_back_to_a_snapshot_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let own = snapshot(&shop, id).await;
    let with = [(PLACEHOLDER, &*id.to_string()), ("1000", &*own)];
    let answer = curl(&shop.customer, RESTORE, &with);
    done_as(&shop, answer, "VM.RESTORE").await;
    assert_eq!(shop.shown(id).await["state"], "Running");
}

async fn a_server_does_not_go_back_to_another_ones_snapshot(builder: Builder) {
    let shop = Shop::open(builder).await;
    let (id, other) = (shop.server("web").await, shop.server("other").await);
    let own = snapshot(&shop, id).await;
    let with = [(PLACEHOLDER, &*other.to_string()), ("1000", &*own)];
    let message = curl(&shop.customer, RESTORE, &with).refusal(400);
    assert!(message.contains("another server"), "{message}");
}

async fn a_server_is_reinstalled_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let before = shop.shown(id).await;
    let answer = curl(&shop.customer, REINSTALL, &[(PLACEHOLDER, &id.to_string())]);
    done_as(&shop, answer, "VM.REINSTALL").await;
    assert_eq!(
        shop.shown(id).await,
        before,
        "its id, name and addresses stay"
    );
}

async fn a_server_is_reinstalled_with_another_image(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let before = shop.shown(id).await;
    let with = [
        (PLACEHOLDER, &*id.to_string()),
        ("image=", "image=ubuntu-16-04-x64"),
    ];
    let answer = curl(&shop.customer, REINSTALL, &with);
    done_as(&shop, answer, "VM.REINSTALL").await;
    let after = shop.shown(id).await;
    assert_eq!(after["image"], "ubuntu-16-04-x64");
    assert_eq!(after["networks"], before["networks"]);
}

/// As it is printed it names no package, and is refused for that.
async fn a_server_is_upgraded_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let path = (PLACEHOLDER, &*id.to_string());
    let message = curl(&shop.customer, UPGRADE, &[path]).refusal(400);
    assert!(message.contains("package is missing"), "{message}");
    let named = ("package=&type=", "package=eos3&type=upgrade");
    let answer = curl(&shop.customer, UPGRADE, &[path, named]);
    done_as(&shop, answer, "VM.UPGRADE").await;
    let shown = shop.shown(id).await;
    let size = ["package", "cpu", "memory", "disk", "bandwidth"].map(|name| shown[name].clone());
    assert_eq!(json!(size), json!(["eos3", 2, 2, 60, 6]));
}
