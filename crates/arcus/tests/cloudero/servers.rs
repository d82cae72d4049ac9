//! What a customer sees of servers over time.

use serde_json::json;
use testkit::{Builder, Shop};

testkit::on_both_databases![
    a_servers_story_is_told_by_its_events_in_order,
    a_server_that_could_not_be_made_shows_why,
    what_is_asked_for_while_a_server_is_busy_waits_its_turn,
];

async fn a_servers_story_is_told_by_its_events_in_order(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let own = id.to_string();
    let snapshot = shop
        .asked("/v1/snapshot/create", &[("id", &own), ("name", "before")])
        .await;
    shop.done(snapshot).await;
    let snapshots = shop.customer.get("/v1/snapshot/list").await.data();
    let form = [
        ("id", &*own),
        ("snapshot_id", &*snapshots[0]["id"].to_string()),
    ];
    let restore = shop.asked("/v1/server/restore_from_snapshot", &form).await;
    shop.done(restore).await;
    let upgrade = shop
        .asked(
            "/v1/server/upgrade_package",
            &[("id", &own), ("package", "eos3")],
        )
        .await;
    shop.done(upgrade).await;
    let gone = shop
        .customer
        .delete(&format!("/v1/server/{id}/destroy"))
        .await
        .ok();
    shop.done(gone["event_id"].as_i64().expect("an event"))
        .await;
    let events = shop.customer.get("/v1/event/list").await.data();
    let events = events.as_array().expect("an array");
    let told: Vec<_> = events.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(
        json!(told),
        json!([
            "VM.CREATE",
            "SNAPSHOT.CREATE",
            "VM.RESTORE",
            "VM.UPGRADE",
            "VM.DESTROY"
        ])
    );
    for pair in events.windows(2) {
        let time = |event: &serde_json::Value, name: &str| {
            event[name].as_str().expect("a time").to_owned()
        };
        assert!(time(&pair[0], "completed_at") <= time(&pair[1], "completed_at"));
        assert!(time(&pair[0], "created_at") <= time(&pair[0], "completed_at"));
    }
    assert_eq!(
        shop.customer.get("/v1/snapshot/list").await.data(),
        json!([]),
        "they went with it"
    );
}

async fn a_server_that_could_not_be_made_shows_why(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.arcus.faults(&["quota=0"]);
    let form = [
        ("name", "web"),
        ("region", "ist2"),
        ("package", "eos1"),
        ("image", "debian-12"),
    ];
    let event = shop.asked("/v1/server/create", &form).await;
    let ended = shop.ended(event).await;
    assert_eq!(ended["status"], -1);
    assert!(
        ended["error"].as_str().is_some_and(|why| !why.is_empty()),
        "{ended}"
    );
    let id = ended["subscription_id"].as_i64().expect("an id");
    let shown = shop.shown(id).await;
    assert_eq!(shown["state"], "Error");
    assert_eq!(shown["error"], ended["error"]);
    let gone = shop
        .customer
        .delete(&format!("/v1/server/{id}/destroy"))
        .await
        .ok();
    shop.done(gone["event_id"].as_i64().expect("an event"))
        .await;
}

async fn what_is_asked_for_while_a_server_is_busy_waits_its_turn(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["latency_ms=200"]);
    let path = |verb: &str| format!("/v1/server/{id}/{verb}");
    let stop = shop.asked(&path("stop"), &[]).await;
    let start = shop.asked(&path("start"), &[]).await;
    let shown = shop.shown(id).await;
    let active = shown["active_events"].as_array().expect("an array");
    assert!(active.contains(&json!(start)), "{shown}");
    shop.arcus.faults(&["latency_ms=0"]);
    shop.done(stop).await;
    shop.done(start).await;
    let shown = shop.shown(id).await;
    assert_eq!(
        (&shown["state"], &shown["active_events"]),
        (&json!("Running"), &json!([]))
    );
}
