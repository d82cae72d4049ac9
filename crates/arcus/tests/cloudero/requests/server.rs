//! Making, listing and destroying servers.

use serde_json::{Value, json};
use testkit::{Builder, Shop, assert_shape};

use super::done_as;
use crate::curls::{CREATE, DESTROY, LIST, ONE};
use crate::printed::curl;

testkit::on_both_databases![
    a_server_is_created_as_printed,
    servers_are_listed_as_printed,
    one_server_is_shown_as_printed,
    a_server_is_destroyed_as_printed,
];

async fn a_server_is_created_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let answer = curl(&shop.customer, CREATE, &[]);
    let printed = json!({"status": "success", "data": {"event_id": 1587}, "message": null});
    assert_shape(&answer.clone().ok(), &printed);
    done_as(&shop, answer, "VM.CREATE").await;
    assert_eq!(shop.arcus.instances().len(), 1);
}

/// The second of the servers that are listed: the first one's disk is a text there, a slip.
fn printed_server(active_events: &[i64]) -> Value {
    json!({
        "id": 4, "name": "ubuntu-16-04-x64", "cpu": 1, "memory": 1, "disk": 40, "bandwidth": 4, "state": "Running",
        "region": "ist2", "image": "ubuntu-16-04-x64", "package": "eos2",
        "networks": {
            "v4": {"ip": "172.17.32.71", "netmask": "255.255.255.192", "gateway": "172.17.32.65"},
            "v6": "",
        },
        "created_at": "2018-01-09T10:22:13Z", "active_events": active_events,
    })
}

async fn servers_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    done_as(&shop, curl(&shop.customer, CREATE, &[]), "VM.CREATE").await;
    let answer = curl(&shop.customer, LIST, &[]).ok();
    let printed = json!({"status": "success", "data": [printed_server(&[])], "message": null});
    assert_shape(&answer, &printed);
    // The printed values are those of the server that the documentation has made.
    let server = &answer["data"][0];
    for name in [
        "name",
        "cpu",
        "memory",
        "disk",
        "bandwidth",
        "state",
        "region",
        "image",
        "package",
        "active_events",
    ] {
        assert_eq!(server[name], printed["data"][0][name], "{name}");
    }
}

async fn one_server_is_shown_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let one = || curl(&shop.customer, ONE, &[("1515", &id.to_string())]).ok();
    let list = shop.customer.get("/v1/server/list").await.ok();
    assert_eq!(one(), list, "an array of one");
    // The event is active for as long as its cloud does not answer.
    shop.arcus.faults(&["latency_ms=600000"]);
    let reboot = shop.asked(&format!("/v1/server/{id}/reboot"), &[]).await;
    let answer = one();
    let printed = json!({"status": "success", "data": [printed_server(&[1578])], "message": null});
    assert_shape(&answer, &printed);
    assert_eq!(answer["data"][0]["active_events"], json!([reboot]));
}

async fn a_server_is_destroyed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await.to_string();
    let answer = curl(&shop.customer, DESTROY, &[("{{subscription_id}}", &id)]).ok();
    let event = answer["event_id"].as_i64().expect("an event");
    assert_eq!(
        answer,
        json!({"status": "success", "data": true, "message": null, "event_id": event})
    );
    assert_eq!(shop.done(event).await["event"], "VM.DESTROY");
    assert_eq!(shop.customer.get("/v1/server/list").await.data(), json!([]));
    assert!(shop.arcus.instances().is_empty());
}
