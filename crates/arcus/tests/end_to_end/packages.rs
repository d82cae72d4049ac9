//! Packages: a server that is ready has them, and they work; one whose packages don't never reads as ready.

use serde_json::json;
use testkit::Client;

use crate::rig::{Rig, node};

#[tokio::test]
async fn three_servers_are_ready_when_their_web_server_cache_and_database_work() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    let nodes = json!([
        {"name": "web", "size": "eos1", "packages": ["nginx"]},
        {"name": "cache", "size": "eos1", "packages": ["redis"]},
        {"name": "db", "size": "eos1", "packages": ["mysql"]},
    ]);
    let id = rig.ready("shop", &nodes).await;
    let made = rig.environment(&id).await;
    let (web, cache, db) = (node(&made, "web"), node(&made, "cache"), node(&made, "db"));
    let address = web["public_ip"].as_str().expect("an address");
    let page = Client::new(&format!("http://{address}")).get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("nginx"), "{}", page.text);
    assert_eq!(rig.ssh(&made, &cache, "redis-cli ping").await, "PONG");
    let one = rig.ssh(&made, &db, "mysql -N -e 'select 1'").await;
    assert_eq!(one, "1");
    rig.delete(&id).await;
}

#[tokio::test]
async fn the_docker_package_gives_a_daemon_that_runs_containers() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    let nodes = json!([{"name": "engine", "size": "eos1", "packages": ["docker"]}]);
    let id = rig.ready("swarm", &nodes).await;
    let made = rig.environment(&id).await;
    let engine = node(&made, "engine");
    let version = "docker info --format '{{.ServerVersion}}'";
    assert!(!rig.ssh(&made, &engine, version).await.is_empty());
    // No registry is asked: the image is the server's own shell and its libraries.
    let import = "tar -C / -ch bin/sh $(ldd /bin/sh | grep -o '/[^ ]*') | docker import - own";
    rig.ssh(&made, &engine, import).await;
    let run = "docker run --rm --network none own /bin/sh -c 'echo it ran'";
    assert_eq!(rig.ssh(&made, &engine, run).await, "it ran");
    rig.delete(&id).await;
}

#[tokio::test]
async fn a_package_that_can_not_be_installed_fails_its_node_and_degrades_its_environment() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    // Ubuntu's recipe wants mysql-server, which the Debian behind this alias has not.
    let add = ["image", "add", "odd", "--distribution", "ubuntu-24.04"];
    let added = rig
        .arcus
        .run(&[&add[..], &["--alias", "debian/12"]].concat());
    assert!(added.status.success(), "{added:?}");
    let nodes = json!([
        {"name": "bare", "size": "eos1"},
        {"name": "db", "size": "eos1", "packages": ["mysql"], "image": "odd"},
    ]);
    let made = rig.create("shop", &nodes, "wait=600").await;
    assert_eq!(made["ready"], false, "{made}");
    let id = made["environment"].as_str().expect("an id");
    let degraded = |environment: &serde_json::Value| environment["status"] == "degraded";
    let made = rig.until(id, "it to be degraded", degraded).await;
    assert_eq!(node(&made, "bare")["status"], "running", "{made}");
    let db = node(&made, "db");
    assert_eq!(db["status"], "failed", "{made}");
    let why = db["error"].as_str().expect("a reason");
    assert!(
        why.contains("the package mysql can't be installed"),
        "{why}"
    );
    assert!(why.contains("mysql-server"), "{why}");

    let seen = rig
        .owner
        .get(&format!("/environments/{id}/query"))
        .await
        .ok();
    assert_eq!(seen["success"], false, "{seen}");
    assert!(seen.to_string().contains("the package mysql"), "{seen}");
    rig.delete(id).await;
}
