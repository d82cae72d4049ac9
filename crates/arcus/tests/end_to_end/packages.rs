//! Packages: a server that is ready has them, and they work; one whose packages don't never reads as ready.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Client, Method, wait};

use crate::rig::{PATIENCE, Rig, node};

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
async fn a_web_server_with_php_and_a_cache_works_behind_a_balancer_with_a_file_system() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    let nodes = json!([
        {"name": "web", "size": "eos1", "packages": [
            "apache", "apache.mod_php5", "php", "php.gd", "php.mysql", "php.apcu", "memcached",
        ]},
        {"name": "front", "size": "eos1", "packages": ["haproxy", "glusterfs"]},
    ]);
    let id = rig.ready("shop", &nodes).await;
    let made = rig.environment(&id).await;
    let (web, front) = (node(&made, "web"), node(&made, "front"));
    let address = |node: &Value| node["public_ip"].as_str().expect("an address").to_owned();

    // A page that Apache's own PHP makes, with each of the extensions.
    let php = r#"<?php imagepng(imagecreatetruecolor(3, 2), "/tmp/own.png"); $size = getimagesize("/tmp/own.png");
        apcu_store("own", 40); echo PHP_SAPI, " ", $size[0], "x", $size[1], " ", apcu_inc("own", 2), " ",
        implode(" ", PDO::getAvailableDrivers()), " ", class_exists("mysqli") ? "mysqli" : "none";"#;
    let write = format!("cat >/var/www/html/own.php <<'PAGE'\n{php}\nPAGE");
    rig.ssh(&made, &web, &write).await;
    let expected = "apache2handler 3x2 42 mysql mysqli";
    let page = Client::new(&format!("http://{}", address(&web)));
    assert_eq!(page.get("/own.php").await.text, expected);
    let fpm = "systemctl is-active 'php*-fpm.service'";
    assert_eq!(rig.ssh(&made, &web, fpm).await, "active");
    // Nobody but its own server reaches the cache, which asks for no password.
    let ask =
        "bash -c 'exec 3<>/dev/tcp/127.0.0.1/11211; echo -e \"version\\r\" >&3; head -n 1 <&3'";
    let version = rig.ssh(&made, &web, ask).await;
    assert!(version.starts_with("VERSION 1."), "{version}");
    let cache = tokio::net::TcpStream::connect((address(&web), 11211));
    let cache = tokio::time::timeout(Duration::from_secs(3), cache).await;
    assert!(!matches!(cache, Ok(Ok(_))), "the cache is open to others");

    let balance = format!(
        "printf 'listen own\n  bind :80\n  mode http\n  server web {}:80\n' >>/etc/haproxy/haproxy.cfg && \
         systemctl reload haproxy",
        address(&web)
    );
    rig.ssh(&made, &front, &balance).await;
    let page = Client::new(&format!("http://{}", address(&front)));
    wait::until("the balancer to pass it on", PATIENCE, || async {
        let answer = page.try_send(page.request(Method::GET, "/own.php")).await?;
        (answer.text == expected).then_some(())
    })
    .await;
    let pool = rig.ssh(&made, &front, "gluster pool list").await;
    assert!(
        pool.contains("localhost") && pool.contains("Connected"),
        "{pool}"
    );
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
