//! What the tests have in common: an installation of their own at moto, and a way to moto without the driver.

use std::sync::Arc;
use std::time::Duration;

use clouds::registry::{self, Settings};
use clouds::{Budget, Cloud, CreateInstance, Instance, Tag, Until};
use domain::credentials::Credentials;
use domain::{Image, ImageSource, Money, Plan, random};
use serde_json::json;

/// Where the lab starts it.
const USUAL: &str = "http://127.0.0.1:55430";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// What moto goes by instead of a signature: the service and the region.
const SCOPE: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0";

/// One test's own installation.
pub(crate) struct Rig {
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) installation: String,
    endpoint: String,
    http: reqwest::Client,
}

impl Rig {
    /// moto, if it answers; else says that the test is skipped.
    pub(crate) async fn reach() -> Option<Self> {
        let promised = std::env::var("ARCUS_TEST_MOTO").ok();
        let endpoint = promised.clone().unwrap_or_else(|| USUAL.to_owned());
        let cloud = open(&endpoint);
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("builds");
        match cloud.check().await {
            Ok(()) => Some(Self {
                cloud,
                installation: format!("arcus-test-{}", random::hex::<6>()),
                endpoint,
                http,
            }),
            Err(error) if promised.is_none() => {
                eprintln!("SKIPPED, nothing was tested: no moto at {endpoint}: {error}");
                None
            }
            Err(error) => panic!("no moto at {endpoint}: {error}"),
        }
    }

    /// The driver once more, with nothing kept.
    pub(crate) fn another(&self) -> Arc<dyn Cloud> {
        open(&self.endpoint)
    }

    pub(crate) fn request(&self, name: &str) -> CreateInstance {
        CreateInstance {
            tag: Tag {
                installation: self.installation.clone(),
                token: random::hex::<12>(),
            },
            name: name.to_owned(),
            region: REGION.to_owned(),
            plan: plan("t3.small", 0),
            image: image("debian-12", None),
            user_data: "#cloud-config\n{}\n".to_owned(),
            public_keys: Vec::new(),
            ports: Vec::new(),
            group: self.installation.clone(),
            nesting: false,
            snapshot: None,
        }
    }

    pub(crate) async fn running(&self, request: &CreateInstance) -> Instance {
        let made = self.cloud.create(request).await.expect("creates");
        let running = self.cloud.wait(&made.at, Until::Running, PATIENCE);
        running.await.expect("runs")
    }

    pub(crate) async fn destroy(&self, made: &Instance) {
        self.cloud.destroy(&made.at).await.expect("destroys");
        let gone = self.cloud.wait(&made.at, Until::Gone, PATIENCE);
        gone.await.expect("is gone");
    }

    /// What moto itself answers, as XML without the space between its elements.
    pub(crate) async fn raw(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let fields = [&[("Action", action), ("Version", "2016-11-15")], fields].concat();
        let request = self.http.post(&self.endpoint);
        let answer = request.header("authorization", SCOPE).form(&fields).send();
        let answer = answer.await.expect("answers");
        assert!(answer.status().is_success(), "{action}");
        let text = answer.text().await.expect("is text");
        text.lines().map(str::trim).collect()
    }
}

fn open(endpoint: &str) -> Arc<dyn Cloud> {
    let kind = registry::kind("ec2").expect("is registered");
    let settings = Settings {
        region: REGION.to_owned(),
        options: json!({ "endpoint": endpoint })
            .as_object()
            .cloned()
            .expect("is an object"),
        credentials: Credentials::default()
            .with("accessKey", "AKIATEST")
            .with("secretKey", "a secret"),
        budget: Budget::default(),
    };
    (kind.open)(settings).expect("opens")
}

pub(crate) fn image(distribution: &str, alias: Option<&str>) -> Image {
    Image {
        slug: distribution.to_owned(),
        name: distribution.to_owned(),
        distribution: distribution.to_owned(),
        login_user: "root".to_owned(),
        source: ImageSource {
            alias: alias.map(str::to_owned),
            ..ImageSource::default()
        },
        packages: Vec::new(),
        minimum: domain::offer::Minimum::default(),
        open: true,
    }
}

pub(crate) fn plan(slug: &str, disk_gib: u64) -> Plan {
    Plan {
        slug: slug.to_owned(),
        family: "Test".to_owned(),
        cpus: 1,
        memory_mib: 512,
        disk_gib,
        bandwidth_tb: 0,
        hourly: Money(0),
        monthly: Money(0),
        open: true,
    }
}
