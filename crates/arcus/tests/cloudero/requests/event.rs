//! Events, all of the last day and one.

use serde_json::{Value, json};
use testkit::{Builder, Shop, assert_shape};

use crate::curls::{EVENT, EVENTS};
use crate::printed::curl;

testkit::on_both_databases![events_are_listed_as_printed, one_event_is_shown_as_printed,];

fn printed_event(id: i64, event: &str, completed_at: &str) -> Value {
    json!({
        "id": id, "event": event, "status": 0, "subscription_id": 1511, "created_at": "2018-06-20T15:21:41Z",
        "completed_at": completed_at,
    })
}

async fn events_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["latency_ms=600000"]);
    let stop = shop.asked(&format!("/v1/server/{id}/stop"), &[]).await;
    let list = curl(&shop.customer, EVENTS, &[]).ok();
    let printed = json!({
        "status": "success", "data": [printed_event(375, "VM.START", "2018-06-20T15:21:46Z")], "message": null,
    });
    assert_shape(&list, &printed);
    // The oldest first; what is under way has no end.
    let told = ["event", "status", "subscription_id"];
    let told = [0, 1].map(|place| told.map(|name| list["data"][place][name].clone()));
    assert_eq!(
        json!(told),
        json!([["VM.CREATE", 1, id], ["VM.STOP", 0, id]])
    );
    assert_ne!(list["data"][0]["completed_at"], "");
    assert_eq!(list["data"][1]["completed_at"], "");
    assert_eq!(list["data"][1]["id"], stop);
}

async fn one_event_is_shown_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["latency_ms=600000"]);
    let stop = shop.asked(&format!("/v1/server/{id}/stop"), &[]).await;
    let own = [("%7Bevent_id%7D", &*stop.to_string())];
    let one = curl(&shop.customer, EVENT, &own).ok();
    let printed = json!({
        "status": "success", "data": printed_event(2536, "VM.START", ""), "message": null,
    });
    assert_shape(&one, &printed);
    assert_eq!(one["data"]["id"], stop);
    let list = shop.customer.get("/v1/event/list").await.data();
    assert_eq!(one["data"], list[1]);
}
