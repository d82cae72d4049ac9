//! Making environments at a public cloud, as each documentation prints it: real systems, on which the printed packages are
//! installed and proved before the answer says that it is ready.

use serde_json::{Value, json};
use testkit::digital_ocean::StandIn as Ocean;
use testkit::ec2::StandIn as Amazon;
use testkit::{Builder, Client, assert_shape};

use super::stage::{Cloud, Stage};
use crate::environments::{CLUSTER, CLUSTER_WITH_INTEGRATION, SEVERAL, SINGLE};
use crate::printed::{curl, is_id};

fn builder() -> Builder {
    Builder::new(env!("CARGO_BIN_EXE_arcus"))
}

/// Sends a printed request for the environment "production", and returns the environment as the list shows it.
async fn make(stage: &Stage, printed: &str, replacements: &[(&str, &str)]) -> Value {
    let (provider, application) = stage.equip().await;
    let region = format!(r#""region": "{}""#, stage.cloud.region());
    let size = format!(r#""size": "{}""#, stage.cloud.size());
    let usual = [
        // Installing takes a real system longer than an answer waits unless it is told to.
        ("/environments\"", "/environments?wait=300\""),
        ("application_id", application.as_str()),
        ("56dd8bb410d396398074aa16", provider.as_str()),
        (r#""region": "region""#, &region),
        ("env_name", "production"),
        (r#""size": "size""#, &size),
    ];
    let replacements = [&usual, replacements].concat();
    let made = curl(&stage.client, printed, &replacements).await.ok();
    let answer = json!({
      "ready": true,
      "environment": "52dea11f10d39637655819b1",
      "account": "56da890610d396320ecd159b"
    });
    assert_shape(&made, &answer);
    assert!(
        is_id(&made["environment"]) && is_id(&made["account"]),
        "{made}"
    );
    let id = made["environment"].as_str().expect("an id");
    let environment = stage.environment(id).await;
    assert_eq!(made["ready"], true, "{environment}");
    let named = json!({"id": application, "name": "dev 1"});
    assert_eq!(environment["application"], named);
    environment
}

/// Each of these nodes has those packages, and the cloud has a running instance of its name and addresses.
fn assert_made(stage: &Stage, environment: &Value, names: &[&str], packages: &Value) {
    assert_eq!(environment["ready"], true, "{environment}");
    let nodes = environment["nodes"].as_array().expect("an array");
    let made: Vec<_> = nodes.iter().map(|node| node["name"].clone()).collect();
    assert_eq!(made, names);
    assert_eq!(stage.cloud.instances().len(), names.len());
    for (node, name) in nodes.iter().zip(names) {
        assert_eq!(node["packages"], *packages, "{node}");
        assert_eq!(node["size"], stage.cloud.size());
        let slug = name.replace('_', "-");
        let instance = stage.instance(&format!("account-user-dev-1-production-{slug}"));
        assert!(instance.is_running, "{instance:?}");
        assert_eq!(node["public_ip"], instance.address);
    }
}

async fn makes_a_single_server(cloud: Cloud) {
    let stage = Stage::set(builder(), cloud).await;
    let replacements = [("pkg_name", "apache"), ("node_name", "web")];
    let environment = make(&stage, SINGLE, &replacements).await;
    assert_made(&stage, &environment, &["web"], &json!(["apache"]));
    let address = environment["nodes"][0]["public_ip"].as_str();
    let address = address.expect("an address");
    let page = Client::new(&format!("http://{address}")).get("/").await;
    assert!(page.text.contains("Apache"), "{}", page.text);
}

async fn makes_several_servers(cloud: Cloud) {
    let stage = Stage::set(builder(), cloud).await;
    let environment = make(&stage, SEVERAL, &[("pkg_name", "memcached")]).await;
    let names = ["node_name1", "node_name2", "node_name3"];
    assert_made(&stage, &environment, &names, &json!(["memcached"]));
}

async fn makes_a_docker_cluster(cloud: Cloud) {
    let stage = Stage::set(builder(), cloud).await;
    let environment = make(&stage, CLUSTER, &[]).await;
    let names = ["node_name1", "node_name2", "node_name3"];
    assert_made(&stage, &environment, &names, &json!(["docker"]));
}

async fn makes_a_docker_cluster_with_an_integration(cloud: Cloud) {
    let stage = Stage::set(builder(), cloud).await;
    let body = json!({
        "name": "hub", "url": "https://index.docker.io/v1/", "username": "username",
        "password": "secretpass", "email": "user@email.net",
    });
    let hub = stage
        .client
        .post("/integrations/docker-hub", &body)
        .await
        .ok();
    let hub = hub["id"].as_str().expect("an id");
    let replacements = [("56df13aa10d39648c8063f3b", hub)];
    let environment = make(&stage, CLUSTER_WITH_INTEGRATION, &replacements).await;
    let names = ["node_name1", "node_name2", "node_name3"];
    assert_made(&stage, &environment, &names, &json!(["docker"]));
}

#[tokio::test]
async fn a_single_server_is_made_at_digital_ocean_as_printed() {
    if let Some(ocean) = Ocean::with_bodies() {
        makes_a_single_server(Cloud::DigitalOcean(ocean)).await;
    }
}

#[tokio::test]
async fn several_servers_are_made_at_digital_ocean_as_printed() {
    if let Some(ocean) = Ocean::with_bodies() {
        makes_several_servers(Cloud::DigitalOcean(ocean)).await;
    }
}

#[tokio::test]
async fn a_docker_cluster_is_made_at_digital_ocean_as_printed() {
    if let Some(ocean) = Ocean::with_bodies() {
        makes_a_docker_cluster(Cloud::DigitalOcean(ocean)).await;
    }
}

#[tokio::test]
async fn a_single_server_is_made_at_amazon_as_printed() {
    if let Some(amazon) = Amazon::with_bodies() {
        makes_a_single_server(Cloud::Amazon(amazon)).await;
    }
}

#[tokio::test]
async fn several_servers_are_made_at_amazon_as_printed() {
    if let Some(amazon) = Amazon::with_bodies() {
        makes_several_servers(Cloud::Amazon(amazon)).await;
    }
}

#[tokio::test]
async fn a_docker_cluster_with_an_integration_is_made_at_amazon_as_printed() {
    if let Some(amazon) = Amazon::with_bodies() {
        makes_a_docker_cluster_with_an_integration(Cloud::Amazon(amazon)).await;
    }
}
