//! What the tests have in common: an installation of their own at an imitation, and a way to that without the driver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clouds::registry::{self, Settings};
use clouds::{Budget, Cloud, CreateInstance, ErrorClass, Instance, Tag, Until};
use domain::credentials::Credentials;
use domain::{Image, ImageSource, Money, Plan, random};
use serde_json::json;
use testkit::ec2::{ACCESS_KEY, SECRET_KEY, StandIn};

use super::forward;

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
    at: At,
}

/// Which imitation it is at.
enum At {
    Moto(String),
    StandIn(StandIn),
}

impl Rig {
    /// At moto, if it answers; else says that the test is skipped.
    pub(crate) async fn moto() -> Option<Self> {
        let promised = std::env::var("ARCUS_TEST_MOTO").ok();
        let endpoint = promised.clone().unwrap_or_else(|| USUAL.to_owned());
        let way = forward::to_moto(endpoint.clone()).await;
        let rig = Self::at(At::Moto(way));
        match rig.cloud.check().await {
            Ok(()) => Some(rig),
            Err(error) if promised.is_none() => {
                eprintln!("SKIPPED, nothing was tested: no moto at {endpoint}: {error}");
                None
            }
            Err(error) => panic!("no moto at {endpoint}: {error}"),
        }
    }

    /// At a stand-in of its own, whose pages are short.
    pub(crate) fn stand_in() -> Self {
        let stand_in = StandIn::start();
        stand_in.set_page(2);
        Self::at(At::StandIn(stand_in))
    }

    fn at(at: At) -> Self {
        Self {
            cloud: at.open(None),
            installation: format!("arcus-test-{}", random::hex::<6>()),
            at,
        }
    }

    /// The stand-in, for tests that are at one.
    pub(crate) fn amazon(&self) -> &StandIn {
        match &self.at {
            At::StandIn(stand_in) => stand_in,
            At::Moto(_) => panic!("this rig is at moto"),
        }
    }

    /// The driver once more, with nothing kept.
    pub(crate) fn another(&self) -> Arc<dyn Cloud> {
        self.at.open(None)
    }

    /// The same with one of its credentials another one.
    pub(crate) fn with(&self, name: &str, value: &str) -> Arc<dyn Cloud> {
        self.at.open(Some((name, value)))
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
            is_first: false,
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

    /// Takes away what Amazon keeps for the group, as soon as it lets go of it.
    pub(crate) async fn clear(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.cloud.clear_group(REGION, &self.installation).await {
                Err(error)
                    if error.class == ErrorClass::Unavailable
                        && tokio::time::Instant::now() < deadline =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                cleared => return cleared.expect("is cleared"),
            }
        }
    }

    /// What the imitation itself answers, as XML without the space between its elements.
    pub(crate) async fn raw(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let text = match &self.at {
            At::Moto(endpoint) => at_moto(endpoint, action, fields).await,
            At::StandIn(stand_in) => stand_in.ask(REGION, action, fields),
        };
        text.lines().map(str::trim).collect()
    }
}

async fn at_moto(endpoint: &str, action: &str, fields: &[(&str, &str)]) -> String {
    let fields = [&[("Action", action), ("Version", "2016-11-15")], fields].concat();
    let http = reqwest::Client::builder().no_proxy().build();
    let request = http.expect("builds").post(endpoint);
    let answer = request.header("authorization", SCOPE).form(&fields).send();
    let answer = answer.await.expect("answers");
    assert!(answer.status().is_success(), "{action}");
    answer.text().await.expect("is text")
}

impl At {
    fn open(&self, other: Option<(&str, &str)>) -> Arc<dyn Cloud> {
        let (endpoint, key, secret) = match self {
            Self::Moto(endpoint) => (endpoint.clone(), "AKIATEST", "a secret"),
            Self::StandIn(stand_in) => (stand_in.url(), ACCESS_KEY, SECRET_KEY),
        };
        let kind = registry::kind("ec2").expect("is registered");
        let mut fields = BTreeMap::from([("accessKey", key), ("secretKey", secret)]);
        fields.extend(other);
        let credentials = fields
            .into_iter()
            .fold(Credentials::default(), |all, (name, value)| {
                all.with(name, value)
            });
        let settings = Settings {
            region: REGION.to_owned(),
            options: json!({ "endpoint": endpoint })
                .as_object()
                .cloned()
                .expect("is an object"),
            credentials,
            budget: Budget::default(),
        };
        (kind.open)(settings).expect("opens")
    }
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
