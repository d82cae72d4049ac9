//! One-click images: a server that is made from one answers with its application as soon as it is there.

use serde_json::Value;
use testkit::{Client, Method, Shop, wait};

use crate::rig::{PATIENCE, Rig, ssh};

/// Somebody who buys servers, each with nothing but a name and an image.
struct Buyer<'a> {
    rig: &'a Rig,
    customer: Client,
    key: Value,
}

// === impl Buyer ===

impl<'a> Buyer<'a> {
    async fn enter(rig: &'a Rig) -> Self {
        let tokens = Shop::log_in(&rig.owner, "owner@example.com").await;
        let token = tokens["token"].as_str().expect("a token");
        Self {
            rig,
            customer: rig.owner.with_bearer(token),
            key: rig.owner.get("/accounts/keys?private=True").await.ok(),
        }
    }

    /// Buys a server, waits until it is there, and answers its address.
    async fn buy(&self, image: &str) -> String {
        let form = [
            ("name", image),
            ("region", "local"),
            ("package", "eos1"),
            ("image", image),
        ];
        let path = "/v1/server/create";
        let answer = self.customer.form(Method::POST, path, &form).await.data();
        let path = format!("/v1/event/{}", answer["event_id"]);
        let ended = wait::until("the server to be there", PATIENCE * 2, || async {
            let event = self.customer.get(&path).await.data();
            (event["status"] != 0).then_some(event)
        })
        .await;
        assert_eq!(ended["status"], 1, "{image}: {ended}");
        let path = format!("/v1/server/{}", ended["subscription_id"]);
        let server = self.customer.get(&path).await.data()[0].clone();
        assert_eq!(server["image"], image);
        let address = server["networks"]["v4"]["ip"].as_str();
        address.expect("an address").to_owned()
    }

    fn ssh(&self, address: &str, command: &str) -> String {
        let login = format!("root@{address}");
        ssh(&self.rig.arcus, &self.key, &login, command)
    }
}

#[tokio::test]
async fn wordpress_lamp_and_docker_work_as_soon_as_their_servers_are_there() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    let buyer = Buyer::enter(&rig).await;
    let (wordpress, lamp, docker) = tokio::join!(
        buyer.buy("wordpress"),
        buyer.buy("lamp"),
        buyer.buy("docker")
    );
    wordpress_installs_itself(&buyer, &wordpress).await;
    lamp_serves_a_page_out_of_its_database(&buyer, &lamp).await;
    let version = buyer.ssh(&docker, "docker version --format '{{.Server.Version}}'");
    assert!(!version.is_empty());
}

/// The page, from outside, as soon as it holds these words.
async fn page(site: &Client, path: &str, words: &str) -> String {
    wait::until(words, PATIENCE, || async {
        let answer = site.try_send(site.request(Method::GET, path)).await?;
        (answer.status == 200 && answer.text.contains(words)).then_some(answer.text)
    })
    .await
}

async fn wordpress_installs_itself(buyer: &Buyer<'_>, address: &str) {
    let site = Client::new(&format!("http://{address}"));
    let installation = "WordPress &rsaquo; Installation";
    page(&site, "/", installation).await;

    // What is secret was made in the server: its web server may read it, others may not, and Arcus never knew it.
    let config = "/etc/wordpress/config-default.php";
    let secret = format!("sed -n \"s/.*'DB_PASSWORD', '\\(.*\\)'.*/\\1/p\" {config}");
    let password = buyer.ssh(address, &secret);
    assert_eq!(password.len(), 64, "{password}");
    let mode = buyer.ssh(address, &format!("stat -c '%a %U %G' {config}"));
    assert_eq!(mode, "640 root www-data");
    let told = "grep -rlF -f - /var/lib/cloud /var/log /usr/local/lib/arcus /var/lib/arcus";
    let told = format!("{secret} | {told} || echo nowhere");
    assert_eq!(buyer.ssh(address, &told), "nowhere");

    // Installing once more changes nothing.
    buyer.ssh(address, "sh /usr/local/lib/arcus/provision");
    assert_eq!(buyer.ssh(address, &secret), password);
    page(&site, "/", installation).await;

    let form = [
        ("weblog_title", "A site of my own"),
        ("user_name", "me"),
        ("admin_password", "a long password"),
        ("admin_password2", "a long password"),
        ("pw_weak", "on"),
        ("admin_email", "me@example.com"),
    ];
    let path = "/wp-admin/install.php?step=2";
    let installed = site.form(Method::POST, path, &form).await;
    assert!(installed.text.contains("Success!"), "{}", installed.text);
    let front = page(&site, "/", "Hello world!").await;
    assert!(front.contains("<title>A site of my own"), "{front}");
}

async fn lamp_serves_a_page_out_of_its_database(buyer: &Buyer<'_>, address: &str) {
    let write = r#"mysql -e "CREATE DATABASE own; CREATE USER own@localhost IDENTIFIED BY 'own';
          GRANT ALL ON own.* TO own@localhost; CREATE TABLE own.numbers (n INT); INSERT INTO own.numbers VALUES (41)"
        cat >/var/www/html/own.php <<'PAGE'
<?php
$database = new mysqli("localhost", "own", "own", "own");
echo $database->query("SELECT n + 1 FROM numbers")->fetch_row()[0], " by ", $_SERVER["SERVER_SOFTWARE"];
PAGE"#;
    buyer.ssh(address, write);
    let site = Client::new(&format!("http://{address}"));
    page(&site, "/own.php", "42 by Apache/").await;
}
