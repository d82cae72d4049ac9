//! What was made through one API is there in the other: single servers in environments, and nodes among the servers.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Builder, Client, Shop, wait};

const PATIENCE: Duration = Duration::from_secs(30);

testkit::on_both_databases![
    a_single_server_is_a_node_in_the_other_api,
    the_environment_of_single_servers_goes_with_its_last_server,
    a_name_that_is_taken_is_no_reason_to_refuse_a_server,
];

async fn environments(owner: &Client) -> Vec<Value> {
    let all = owner.get("/environments").await.ok();
    all.as_array().expect("an array").clone()
}

async fn a_single_server_is_a_node_in_the_other_api(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.server("db").await;
    let all = environments(&shop.owner).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    let environment = &all[0];
    assert_eq!(
        (
            &environment["name"],
            &environment["os_region"],
            &environment["ready"]
        ),
        (&json!("servers-ist2"), &json!("ist2"), &json!(true))
    );
    let nodes = environment["nodes"].as_array().expect("an array");
    let names: Vec<_> = nodes.iter().map(|node| &node["name"]).collect();
    assert_eq!(names, ["web", "db"]);
    let path = format!(
        "/environments/{}",
        environment["id"].as_str().expect("an id")
    );
    let stopped = shop.owner.get(&format!("{path}/stop")).await.ok();
    assert_eq!(stopped["success"], true, "{stopped}");
    let query = shop.owner.get(&format!("{path}/query")).await.ok();
    let name = "company-name-my-email-com-default-servers-ist2-web";
    assert!(
        query.to_string().contains(&format!("\"{name}\"")),
        "{query}"
    );
    let state = wait::until("it to be off", PATIENCE, || async {
        let shown = shop.shown(id).await;
        (shown["active_events"] == json!([])).then(|| shown["state"].clone())
    });
    assert_eq!(state.await, "Stopped");
    // And one more, through the other API, is a server like them.
    let more = json!([{"name": "cache", "size": "eos1", "packages": ["redis"]}]);
    shop.owner.post(&format!("{path}/nodes"), &more).await.ok();
    let wanted = json!([["web", "Stopped"], ["db", "Stopped"], ["cache", "Running"]]);
    wait::until("all three to be as they should", PATIENCE, || async {
        let list = shop.customer.get("/v1/server/list").await.data();
        let list = list.as_array().expect("an array").iter();
        let states: Vec<_> = list
            .map(|server| json!([server["name"], server["state"]]))
            .collect();
        (json!(states) == wanted).then_some(())
    })
    .await;
}

async fn the_environment_of_single_servers_goes_with_its_last_server(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let all = environments(&shop.owner).await;
    let node = all[0]["nodes"][0]["id"].as_str().expect("an id");
    let provider = all[0]["provider"]["id"].as_str().expect("an id");
    shop.owner
        .delete(&format!("/nodes/{node}?wait=60"))
        .await
        .ok();
    wait::until("it to go", PATIENCE, || async {
        environments(&shop.owner).await.is_empty().then_some(())
    })
    .await;
    shop.customer
        .get(&format!("/v1/server/{id}"))
        .await
        .refusal(404);
    shop.owner
        .delete(&format!("/providers/{provider}"))
        .await
        .ok();
    shop.server("another").await;
    assert_eq!(environments(&shop.owner).await.len(), 1);
}

async fn a_name_that_is_taken_is_no_reason_to_refuse_a_server(builder: Builder) {
    let shop = Shop::open(builder).await;
    let provider = shop.owner.add_provider("arcus").await;
    let body = json!({"provider_id": provider, "region": "ist2", "environment": "servers-ist2", "nodes": []});
    shop.owner.post("/environments", &body).await.ok();
    shop.server("web").await;
    let all = environments(&shop.owner).await;
    let names: Vec<_> = all.iter().map(|environment| &environment["name"]).collect();
    assert_eq!(names, ["servers-ist2", "servers-ist2-2"]);
}
