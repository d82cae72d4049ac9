//! A region that the operator has closed takes nothing new and keeps what is there.

use serde_json::json;
use testkit::{Builder, Shop};

use crate::desk::{house, row, said, table};

testkit::on_both_databases![
    a_closed_region_is_listed_as_such_until_it_is_opened_again,
    a_closed_region_refuses_new_servers_and_new_nodes,
    a_closed_region_makes_no_server_from_a_snapshot_either,
    what_is_in_a_closed_region_does_everything_that_it_did_before,
];

async fn a_closed_region_is_listed_as_such_until_it_is_opened_again(builder: Builder) {
    let shop = Shop::open(builder).await;
    for (flag, status, state) in [("--closed", false, "closed"), ("--open", true, "open")] {
        said(&shop.arcus, &["region", "add", "ist2", flag]);
        let anybody = shop.customer.anonymous();
        let listed = anybody.get("/v1/region/list").await.data();
        let ist2 = row(listed.as_array().expect("an array"), "slug", "ist2");
        assert_eq!(ist2["status"], status, "{listed}");
        let listed = table(&shop.arcus, &["region", "ls"]);
        assert_eq!(row(&listed, "SLUG", "ist2")["STATE"], state);
    }
    shop.server("web").await;
}

async fn a_closed_region_refuses_new_servers_and_new_nodes(builder: Builder) {
    let shop = Shop::open(builder).await;
    let house = house(&shop).await;
    let mut body = json!({
        "provider_id": house, "region": "ist2", "environment": "old", "nodes": [{"name": "web", "size": "eos1"}],
    });
    let made = shop.owner.post("/environments?wait=120", &body).await.ok();
    let id = made["environment"].as_str().expect("an id");
    said(&shop.arcus, &["region", "add", "ist2", "--closed"]);
    let new = json!({"name": "more", "region": "ist2", "package": "eos1", "image": "debian-12"});
    let path = "/v1/server/create";
    let why = shop.customer.post(path, &new).await.refusal(400);
    assert!(why.contains("not open for new servers"), "{why}");
    body["environment"] = json!("new");
    shop.owner
        .post("/environments?wait=120", &body)
        .await
        .error(400);
    let path = format!("/environments/{id}/scale");
    let more = json!({"name": "web", "count": 1});
    shop.owner.post(&path, &more).await.error(400);
    assert_eq!(shop.arcus.calls("create"), 1);
}

async fn what_is_in_a_closed_region_does_everything_that_it_did_before(builder: Builder) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await.to_string();
    said(&shop.arcus, &["region", "add", "ist2", "--closed"]);
    for (path, more) in [
        ("/v1/server/stop", None),
        ("/v1/server/start", None),
        ("/v1/server/reboot", None),
        ("/v1/snapshot/create", Some(("name", "before"))),
        ("/v1/server/upgrade_package", Some(("package", "eos3"))),
    ] {
        let form: Vec<_> = [("id", &*web)].into_iter().chain(more).collect();
        let event = shop.asked(path, &form).await;
        shop.done(event).await;
    }
    let shown = shop.shown(web.parse().expect("a number")).await;
    assert_eq!(
        (&shown["state"], &shown["package"]),
        (&json!("Running"), &json!("eos3"))
    );
    // And costs what it did.
    said(&shop.arcus, &["billing", "charge"]);
    let listed = table(&shop.arcus, &["billing", "transactions", "company-name"]);
    row(&listed, "TYPE", "charge");
}

async fn a_closed_region_makes_no_server_from_a_snapshot_either(builder: Builder) {
    let shop = Shop::open(builder).await;
    let web = shop.server("web").await.to_string();
    let form = [("id", &*web), ("name", "before")];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(event).await;
    let snapshot = shop.customer.get("/v1/snapshot/list").await.data()[0]["id"].clone();
    said(&shop.arcus, &["region", "add", "ist2", "--closed"]);
    let body = json!({"name": "copy", "package": "eos2", "snapshot_id": snapshot});
    let path = "/v1/server/create_from_snapshot";
    let why = shop.customer.post(path, &body).await.refusal(400);
    assert!(why.contains("not open for new servers"), "{why}");
    // Its own server may go back to it all the same.
    let form = [("id", &*web), ("snapshot_id", &*snapshot.to_string())];
    let path = "/v1/server/restore_from_snapshot";
    let event = shop.asked(path, &form).await;
    shop.done(event).await;
}
