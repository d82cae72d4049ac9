//! Each example request of the documentation, sent as printed, its answer held against the printed shape: one file for
//! each of the documentation's sections.

mod account;
mod actions;
mod event;
mod money;
mod server;
mod snapshot;
mod sold;
mod sshkey;
mod tags;
mod usage;

use serde_json::{Value, json};
use testkit::{Answer, Shop};

/// The answer that the documentation prints where there is nothing to tell.
fn done() -> Value {
    json!({"status": "success", "data": true, "message": null})
}

/// Waits for the end of the event that an answer names; it must be of that kind.
async fn done_as(shop: &Shop, answer: Answer, kind: &str) -> Value {
    let event = answer.data()["event_id"].as_i64().expect("an event");
    let ended = shop.done(event).await;
    assert_eq!(ended["event"], kind);
    ended
}

/// A server's new snapshot; its id.
async fn snapshot(shop: &Shop, server: i64) -> String {
    let form = [("id", &*server.to_string()), ("name", "before")];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(event).await;
    let path = format!("/v1/server/{server}/snapshots");
    shop.customer.get(&path).await.data()[0]["id"].to_string()
}
