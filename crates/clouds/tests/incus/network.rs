//! Over the network: certificates on both sides, and who may not come near.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clouds::{Cloud, CloudError, ErrorClass, Until};
use domain::credentials::Credentials;
use futures::FutureExt;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use crate::proxy::{Lost, Proxy};
use crate::rig::{
    PATIENCE, REGION, Raw, Rig, USUAL_SOCKET, local, on_incus, open, request_under, set_password,
    told_of,
};

#[tokio::test]
async fn all_of_it_works_over_https_with_a_client_certificate() {
    over_https(async |rig, https| {
        https.trust().await;
        let cloud = https.cloud(&https.server_certificate);
        cloud.check().await.expect("is trusted");
        let request = rig.request("https");
        let made = cloud.create(&request).await.expect("creates");
        cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        set_password(&cloud, &made.at, "root", "$6$salt$over.websockets")
            .await
            .expect("is set");
        told_of(rig, &cloud, &made).await;
        cloud.destroy(&made.at).await.expect("is destroyed");
        cloud
            .wait(&made.at, Until::Gone, PATIENCE)
            .await
            .expect("is gone");
    })
    .await;
}

#[tokio::test]
async fn a_server_with_another_certificate_is_not_spoken_to() {
    over_https(async |_, https| {
        https.trust().await;
        // As valid as the server's, and not the server's.
        let error = https
            .cloud(&https.certificate)
            .check()
            .await
            .expect_err("refused");
        assert_eq!(error.class, ErrorClass::Auth, "{error}");
        assert!(error.message.contains("another certificate"), "{error}");
        // Without a certificate to compare with, an authority would have to vouch for it.
        let error = https.cloud("").check().await.expect_err("refused");
        assert_eq!(error.class, ErrorClass::Auth, "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_not_trusted_is_told_so() {
    over_https(async |rig, https| {
        let cloud = https.cloud(&https.server_certificate);
        let refused = |error: CloudError| assert_eq!(error.class, ErrorClass::Auth, "{error}");
        refused(cloud.check().await.expect_err("refused"));
        refused(
            cloud
                .create(&rig.request("stranger"))
                .await
                .expect_err("refused"),
        );
        refused(
            cloud
                .list(REGION, &rig.installation)
                .await
                .expect_err("refused"),
        );
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_nothing_was_sent() {
    let missing = Path::new("/nonexistent/incus.socket");
    let cloud = open(local(missing), Credentials::default()).expect("opens");
    let error = cloud.check().await.expect_err("nobody answers");
    assert_eq!(error.class, ErrorClass::Unavailable, "{error}");
    let request = request_under("arcus-test-nowhere", "nowhere");
    let error = cloud.create(&request).await.expect_err("nobody answers");
    assert_eq!(error.class, ErrorClass::Unavailable, "{error}");
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_and_not_made_twice() {
    on_incus(async |rig| {
        let proxy = Proxy::that_loses(&rig.raw, Lost::Answers, |line| {
            line.starts_with("POST /1.0/instances?")
        });
        proxy.cloud.check().await.expect("reads come through");
        let request = rig.request("lost");
        let error = proxy.cloud.create(&request).await.expect_err("no answer");
        assert_eq!(error.class, ErrorClass::OutcomeUnknown, "{error}");
        drop(proxy);

        let made = rig.create(&request).await;
        let running = rig.cloud.wait(&made.at, Until::Running, PATIENCE).await;
        let found = rig.cloud.find(REGION, &request.tag).await;
        let found: Vec<_> = found
            .expect("finds")
            .into_iter()
            .map(|one| one.at)
            .collect();
        assert_eq!(found, [running.expect("runs").at]);
    })
    .await;
}

#[test]
fn a_customer_reaches_no_socket_of_this_machine() {
    for url in [
        "unix:///var/lib/incus/unix.socket",
        USUAL_SOCKET,
        "http://127.0.0.1:8443",
        "",
    ] {
        let credentials = Credentials::default().with("url", url);
        let refused = open(Map::new(), credentials).err().expect("refused");
        assert_eq!(refused.class, ErrorClass::Rejected, "{url}");
    }
}

/// The same Incus over TLS on loopback, with a client certificate of the test's own.
struct Https<'a> {
    raw: &'a Raw,
    address: String,
    server_certificate: String,
    certificate: String,
    key: String,
}

/// Runs a test while Incus listens on loopback, and afterwards lets it listen where it did before.
async fn over_https(test: impl AsyncFnOnce(&Rig, &Https<'_>)) {
    on_incus(async |rig| {
        // One test at a time: where Incus listens is one setting for all.
        let lock = File::create(std::env::temp_dir().join("arcus-test-incus-https.lock"));
        let lock = lock.expect("can be made");
        let wait = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
        let lock = wait.await.expect("waits").expect("can be locked");
        let server = rig.raw.call("GET", "", None).await;
        let before = server["config"]["core.https_address"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        // Where it listens already, it goes on as it does.
        let port = before.rsplit(':').next().and_then(|port| port.parse().ok());
        let address = format!("127.0.0.1:{}", port.unwrap_or_else(free_port));
        let listen = async |address: &str| {
            let body = json!({ "config": { "core.https_address": address } });
            rig.raw.call("PATCH", "", Some(&body)).await;
        };
        let folder = tempfile::tempdir().expect("makes a folder");
        let (certificate, key) = client_certificate(folder.path()).await;
        if before.is_empty() {
            listen(&address).await;
        }
        let server_certificate = server["environment"]["certificate"].as_str();
        let https = Https {
            raw: &rig.raw,
            address,
            server_certificate: server_certificate.expect("has a certificate").to_owned(),
            certificate,
            key,
        };
        let outcome = AssertUnwindSafe(test(rig, &https)).catch_unwind().await;
        https.forget().await;
        if before.is_empty() {
            listen("").await;
        }
        drop(lock);
        if let Err(reason) = outcome {
            resume_unwind(reason);
        }
    })
    .await;
}

impl Https<'_> {
    fn cloud(&self, server_certificate: &str) -> Arc<dyn Cloud> {
        let credentials = Credentials::default()
            .with("url", format!("https://{}", self.address))
            .with("client_certificate", self.certificate.as_str())
            .with("client_key", self.key.as_str())
            .with("server_certificate", server_certificate);
        // This very machine's address: the operator allows it here.
        let options = Map::from_iter([("private_networks".to_owned(), json!(true))]);
        open(options, credentials).expect("opens")
    }

    async fn trust(&self) {
        let certificate = STANDARD.encode(self.der());
        let body = json!({ "type": "client", "name": "arcus-test", "certificate": certificate });
        self.raw.call("POST", "certificates", Some(&body)).await;
    }

    async fn forget(&self) {
        let fingerprint = hex::encode(Sha256::digest(self.der()));
        let path = format!("http://incus/1.0/certificates/{fingerprint}");
        // Absent where the test trusted nobody.
        self.raw.http.delete(path).send().await.expect("answers");
    }

    fn der(&self) -> Vec<u8> {
        let lines = self
            .certificate
            .lines()
            .filter(|line| !line.starts_with("-----"));
        STANDARD.decode(lines.collect::<String>()).expect("is PEM")
    }
}

/// A certificate and its key, as Incus's own client makes them.
async fn client_certificate(folder: &Path) -> (String, String) {
    let made = tokio::process::Command::new("incus")
        .args(["remote", "generate-certificate"])
        .env("INCUS_CONF", folder)
        .stdout(Stdio::null())
        .status()
        .await
        .expect("Incus's client is installed");
    assert!(made.success());
    let read = |name| std::fs::read_to_string(folder.join(name)).expect("was written");
    (read("client.crt"), read("client.key"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
    listener.local_addr().expect("has an address").port()
}
