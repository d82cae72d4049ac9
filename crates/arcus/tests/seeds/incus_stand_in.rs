//! As much of an Incus server as adding an account at one takes: a cloud whose accounts have secrets.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// It listens on loopback and answers every request with what it is.
pub(crate) struct StandIn {
    url: String,
    certificate: String,
    key: String,
    trusts: Arc<AtomicBool>,
}

impl StandIn {
    /// Starts one that trusts everybody.
    pub(crate) async fn start(folder: &Path) -> Self {
        let (certificate, key) = pair(folder);
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
        let private = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .expect("they belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let trusts = Arc::new(AtomicBool::new(true));
        let trusting = Arc::clone(&trusts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, trusts) = (acceptor.clone(), trusting.load(Ordering::SeqCst));
                // A caller that goes away in between is not ours to worry about.
                tokio::spawn(async move { answer(&acceptor, stream, trusts).await.ok() });
            }
        });
        Self {
            url,
            certificate,
            key,
            trusts,
        }
    }

    /// From now on it trusts no certificate.
    pub(crate) fn trust_nobody(&self) {
        self.trusts.store(false, Ordering::SeqCst);
    }

    /// What a request for a provider says of an account here.
    pub(crate) fn fields(&self, provider_name: &str) -> Value {
        json!({
            "cloud_provider": "incus", "provider_name": provider_name, "url": self.url,
            "client_certificate": self.certificate, "client_key": self.key,
            "server_certificate": self.certificate,
        })
    }

    /// A line in the middle of the private key: wherever it is found, the secret has leaked.
    pub(crate) fn secret(&self) -> &str {
        self.key.lines().nth(1).expect("base64")
    }
}

async fn answer(acceptor: &TlsAcceptor, stream: TcpStream, trusts: bool) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let auth = if trusts { "trusted" } else { "untrusted" };
    let body = json!({
        "type": "sync", "status": "Success", "status_code": 200,
        "metadata": {
            "auth": auth, "api_status": "stable", "api_version": "1.0", "api_extensions": [],
            "environment": {"server": "incus", "server_name": "stand-in"},
        },
    })
    .to_string();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// A certificate that nobody signed, and its key, as Incus makes them, for the address that the stand-in listens on.
fn pair(folder: &Path) -> (String, String) {
    let (certificate, key) = (folder.join("incus.crt"), folder.join("incus.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=incus"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is installed");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let read = |path| std::fs::read_to_string(path).expect("was written");
    (read(certificate), read(key))
}
