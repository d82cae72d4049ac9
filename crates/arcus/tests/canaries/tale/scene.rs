//! The stage: an Arcus that logs all that it can, clouds behind parrots, and a configuration full of secrets.

use domain::random;
use serde_json::Value;
use tempfile::TempDir;
use testkit::digital_ocean::{self, StandIn as Ocean};
use testkit::ec2::{self, StandIn as Amazon};
use testkit::{Answer, Arcus, Builder, Client, Database};

use crate::aviary::Aviary;
use crate::incus_stand_in::StandIn as Incus;
use crate::parrot::{Parrot, Tongue};

/// What everybody works with.
pub(crate) struct Scene {
    pub(crate) arcus: Arcus,
    pub(crate) aviary: Aviary,
    pub(crate) database: Database,
    /// The organisation's owner; without a token until there is one.
    pub(crate) owner: Client,
    /// The same with a token of Cloude.ro's API.
    pub(crate) customer: Client,
    pub(crate) ocean: Parrot,
    pub(crate) amazon: Parrot,
    pub(crate) stripe: Parrot,
    pub(crate) incus: Incus,
    pub(crate) secrets: Secrets,
    /// Configuration, keys and such, which are the operator's and not Arcus's.
    pub(crate) desk: TempDir,
}

/// What is needed more than once.
pub(crate) struct Secrets {
    /// Of DigitalOcean's; the only one that is right.
    pub(crate) token: String,
    /// Of DigitalOcean's; whoever sends it gets no answer.
    pub(crate) silent: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: String,
    pub(crate) metrics: String,
}

// === impl Scene ===

impl Scene {
    pub(crate) async fn set(database: Database) -> Self {
        let mut aviary = Aviary::default();
        let desk = tempfile::tempdir().expect("a folder");
        let incus = Incus::start(desk.path()).await;
        let key = incus.fields("")["client_key"]
            .as_str()
            .expect("PEM")
            .to_owned();
        keep_key(&mut aviary, &key);
        let as_sent = &incus.secret()[44..];
        aviary.keep("an Incus client's key, as it is sent", as_sent);

        let secrets = Secrets {
            token: digital_ocean::TOKEN.to_owned(),
            silent: aviary.breed("the token of an account whose cloud says nothing"),
            access_key: ec2::ACCESS_KEY.to_owned(),
            secret_key: ec2::SECRET_KEY.to_owned(),
            session_token: aviary.breed("an account's session token"),
            metrics: aviary.breed("the metrics' token"),
        };
        aviary.keep("an account's token", &secrets.token);
        aviary.keep("an account's access key", &secrets.access_key);
        aviary.keep("an account's secret key", &secrets.secret_key);

        let known = Some((secrets.access_key.as_str(), secrets.secret_key.as_str()));
        let ocean = Ocean::start();
        let ocean = Parrot::start(Tongue::DigitalOcean, &ocean.url(), None, &secrets.silent).await;
        let amazon = Amazon::start();
        amazon.set_session_token(&secrets.session_token);
        let amazon = Parrot::start(Tongue::Amazon, &amazon.url(), known, "").await;
        let stripe = Parrot::start(Tongue::Stripe, "http://127.0.0.1:9", None, "").await;

        let file = desk.path().join("arcus.toml");
        let text = configuration(&mut aviary, &incus, &ocean.url, &amazon.url, &stripe.url);
        std::fs::write(&file, text).expect("is written");
        let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
            .database(database.clone())
            .variable("ARCUS_LOG", "trace")
            .variable("ARCUS_DIGITAL_OCEAN_ENDPOINT", &ocean.url)
            .variable("ARCUS_EC2_ENDPOINT", &amazon.url)
            .variable("ARCUS_METRICS_TOKEN", &secrets.metrics)
            .flag("--reconcile-secs=0.5")
            .flag(&format!("--config={}", file.display()))
            .start()
            .await;
        Self {
            owner: arcus.client(),
            customer: arcus.client(),
            arcus,
            aviary,
            database,
            ocean,
            amazon,
            stripe,
            incus,
            secrets,
            desk,
        }
    }

    /// POST, and what it was answered, in which those secrets belong.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        body: &Value,
        allowed: &[&'static str],
    ) -> Answer {
        let answer = self.owner.post(path, body).await;
        self.aviary.hear(&format!("POST {path}"), answer, allowed)
    }

    /// GET, by the API that the path belongs to.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let client = if path.starts_with("/v1/") {
            &self.customer
        } else {
            &self.owner
        };
        let answer = client.get(path).await;
        self.aviary.hear(&format!("GET {path}"), answer, &[])
    }

    /// What was logged since the last start. It must be all that there is: the libraries' words among it.
    pub(crate) fn read_log(&mut self, when: &str) {
        let log = self.arcus.log();
        for target in ["sqlx", "hyper"] {
            let of_target = format!("\"target\":\"{target}");
            assert!(
                log.iter().any(|line| line.contains(&of_target)),
                "{target} logs nothing {when}"
            );
        }
        self.aviary
            .read(&format!("the log {when}"), log.join("\n").into_bytes(), &[]);
    }

    /// Arcus dies where it stands, and is started again.
    pub(crate) async fn crash(&mut self) {
        self.arcus.kill();
        self.read_log("until the crash");
        self.aviary
            .read_files("after the crash", self.arcus.folder());
        self.arcus.restart().await;
        self.owner = self.owner.at(self.arcus.base());
        self.customer = self.customer.at(self.arcus.base());
    }

    pub(crate) async fn end(&mut self) {
        self.arcus.stop().await;
        self.read_log("until the end");
        self.aviary.read_files("after the end", self.arcus.folder());
        assert!(
            self.aviary.heard_in("the log") > 100_000,
            "there is no log to speak of"
        );
    }
}

/// The key's own bytes; what begins it is the same in all keys, and what ends it stands in the certificate.
fn keep_key(aviary: &mut Aviary, pem: &str) {
    use base64::Engine;
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(lines.concat());
    let bytes = bytes.expect("base64");
    aviary.keep("an Incus client's key", &bytes[32..68]);
}

/// What an operator writes: regions on each cloud, and an account at Stripe.
fn configuration(
    aviary: &mut Aviary,
    incus: &Incus,
    ocean: &str,
    amazon: &str,
    stripe: &str,
) -> String {
    let fields = incus.fields("");
    let text = |name: &str| fields[name].as_str().expect("a text");
    let access_key = format!("AKIA{}", random::hex::<10>().to_uppercase());
    aviary.keep("a region's access key", &access_key);
    format!(
        r#"
[billing.stripe]
secret_key = "sk_live_{stripe_key}"
webhook_secret = "whsec_{webhook}"
success_url = "https://shop.example/paid"
cancel_url = "https://shop.example/"
api_base = "{stripe}"

[[region]]
slug = "amazon"
cloud = "ec2"
aws_region = "us-east-1"
endpoint = "{amazon}"
accessKey = "{access_key}"
secretKey = "{secret_key}"
sessionToken = "{session_token}"

[[region]]
slug = "ocean"
cloud = "digital_ocean"
endpoint = "{ocean}"
access_token = "{token}"

[[region]]
slug = "incus"
cloud = "incus"
url = "{url}"
client_certificate = """{certificate}"""
client_key = """{key}"""
server_certificate = """{server}"""
"#,
        stripe_key = aviary.breed("Stripe's secret key"),
        webhook = aviary.breed("Stripe's webhook secret"),
        secret_key = aviary.breed("a region's secret key"),
        session_token = aviary.breed("a region's session token"),
        token = aviary.breed("a region's token, a wrong one"),
        url = text("url"),
        certificate = text("client_certificate"),
        key = text("client_key"),
        server = text("server_certificate"),
    )
}
