//! Taking, listing and destroying snapshots.

use serde_json::json;
use testkit::{Builder, Shop, assert_shape};

use super::{done_as, snapshot};
use crate::curls::{SNAPSHOT_CREATE, SNAPSHOT_DESTROY, SNAPSHOTS};
use crate::printed::curl;

testkit::on_both_databases![
    a_snapshot_is_taken_as_printed,
    snapshots_are_listed_as_decided,
    a_snapshot_is_destroyed_as_printed,
];

async fn a_snapshot_is_taken_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let own = [("id=1", &*format!("id={id}"))];
    let answer = curl(&shop.customer, SNAPSHOT_CREATE, &own);
    let event = done_as(&shop, answer, "SNAPSHOT.CREATE").await;
    assert_eq!(event["subscription_id"], id);
    let list = shop.customer.get("/v1/snapshot/list").await.data();
    assert_eq!(list[0]["name"], "SnapTest03");
}

/// The documentation prints no answer: the contract has its fields.
async fn snapshots_are_listed_as_decided(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    snapshot(&shop, id).await;
    let list = curl(&shop.customer, SNAPSHOTS, &[]).data();
    let shape = json!([{
        "id": 1, "name": "SnapTest03", "subscription_id": 1, "disk": 40, "size": 0.0, "region": "ist2",
        "image": "debian-12", "state": "Available", "created_at": "2018-01-04T11:14:34Z",
    }]);
    assert_shape(&list, &shape);
    let told = ["subscription_id", "disk", "region", "image", "state"];
    let told = told.map(|name| list[0][name].clone());
    assert_eq!(
        json!(told),
        json!([id, 40, "ist2", "debian-12", "Available"])
    );
    let path = format!("/v1/server/{id}/snapshots");
    assert_eq!(shop.customer.get(&path).await.data(), list);
}

async fn a_snapshot_is_destroyed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let own = snapshot(&shop, id).await;
    let answer = curl(&shop.customer, SNAPSHOT_DESTROY, &[("1072", &own)]);
    done_as(&shop, answer, "SNAPSHOT.DESTROY").await;
    let list = shop.customer.get("/v1/snapshot/list").await.data();
    assert_eq!(list, json!([]));
}
