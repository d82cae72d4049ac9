//! What these tests do again and again.

use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use testkit::{Arcus, Method, Shop, wait};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The address of a server's verb.
pub(crate) fn path(server: i64, verb: &str) -> String {
    format!("/v1/server/{server}/{verb}")
}

/// Sends a form that must be refused with that status, and gives its message.
pub(crate) async fn refused(shop: &Shop, path: &str, form: &[(&str, &str)], status: u16) -> String {
    let answer = shop.customer.form(Method::POST, path, form).await;
    answer.refusal(status)
}

/// Takes a snapshot and waits until it is there; its id.
pub(crate) async fn snapshot(shop: &Shop, server: i64, name: &str) -> String {
    let form = [("id", &*server.to_string()), ("name", name)];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(event).await;
    let all = shop.customer.get(&path(server, "snapshots")).await.data();
    let all = all.as_array().expect("an array").iter();
    let mut named = all.filter(|snapshot| snapshot["name"] == name);
    named.next().expect("it is listed")["id"].to_string()
}

/// Asks for the destruction of a server; the id of its event.
pub(crate) async fn destroy(shop: &Shop, server: i64) -> i64 {
    let answer = shop.customer.delete(&path(server, "destroy")).await.ok();
    answer["event_id"].as_i64().expect("an event")
}

/// A node with these packages and tags in an environment at the customer's own account; its id.
pub(crate) async fn node(shop: &Shop, packages: Value, tags: Value) -> i64 {
    let provider = shop.owner.add_provider("sandbox").await;
    let body = serde_json::json!({
        "provider_id": provider, "region": "sandbox", "environment": "production",
        "nodes": [{"name": "node", "size": "eos1", "packages": packages, "tags": tags}],
    });
    shop.owner.post("/environments", &body).await.ok();
    let all = shop.customer.get("/v1/server/list").await.data();
    let all = all.as_array().expect("an array").iter();
    let mut nodes = all.filter(|server| server["name"] == "node");
    nodes.next().expect("it is listed")["id"]
        .as_i64()
        .expect("an id")
}

/// The node as the other API shows it.
pub(crate) async fn shown_node(shop: &Shop) -> Value {
    let all = shop.owner.get("/environments").await.ok();
    let all = all.as_array().expect("an array").iter();
    let nodes = all.flat_map(|environment| environment["nodes"].as_array().expect("an array"));
    let mut nodes = nodes.filter(|node| node["name"] == "node");
    nodes.next().expect("it is listed").clone()
}

/// What the simulated cloud has in the one column that is asked for.
pub(crate) async fn at_cloud(arcus: &Arcus, question: &'static str) -> Vec<String> {
    let file = arcus.folder().join("sandbox.db");
    let options = SqliteConnectOptions::new().filename(file);
    let mut cloud = SqliteConnection::connect_with(&options)
        .await
        .expect("the simulated cloud's file opens");
    let rows = sqlx::query_scalar(question).fetch_all(&mut cloud).await;
    rows.expect(question)
}

/// Waits until the simulated cloud is as it should be.
pub(crate) async fn until_cloud(
    arcus: &Arcus,
    what: &str,
    question: &'static str,
    is: impl Fn(&[String]) -> bool,
) {
    wait::until(what, PATIENCE, || async {
        is(&at_cloud(arcus, question).await).then_some(())
    })
    .await;
}
