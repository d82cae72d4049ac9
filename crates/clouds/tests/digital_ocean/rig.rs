//! What the tests have in common: the driver on the stand-in, with Prism between them where there is one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clouds::registry::{self, Settings};
use clouds::{Budget, Cloud, CreateInstance, Instance, InstanceRef, Tag, Until};
use domain::credentials::Credentials;
use domain::{Image, ImageSource, Money, Plan, random};
use serde_json::{Value, json};
use testkit::Prism;
use testkit::digital_ocean::{StandIn, TOKEN};
use tokio::sync::OnceCell;

pub(crate) const REGION: &str = "nyc3";
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The Prism of this process, before a stand-in of its own: each takes two seconds to read the specification.
pub(crate) async fn shared_prism() -> Option<&'static Prism> {
    static SHARED: OnceCell<Option<Prism>> = OnceCell::const_new();
    let start = async || prism_before(&StandIn::start()).await;
    SHARED.get_or_init(start).await.as_ref()
}

pub(crate) async fn prism_before(stand_in: &StandIn) -> Option<Prism> {
    let specification = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/digital_ocean/specification.yaml"
    );
    Prism::before(Path::new(specification), &stand_in.url()).await
}

/// The driver on that address.
pub(crate) fn open(url: &str) -> Arc<dyn Cloud> {
    open_with(url, TOKEN)
}

pub(crate) fn open_with(url: &str, token: &str) -> Arc<dyn Cloud> {
    let kind = registry::kind("digital_ocean").expect("is registered");
    let options = json!({ "endpoint": url });
    (kind.open)(Settings {
        region: String::new(),
        options: options.as_object().cloned().expect("an object"),
        credentials: Credentials::default().with("access_token", token),
        budget: Budget::default(),
    })
    .expect("opens")
}

/// The driver and a stand-in, with nothing between them.
pub(crate) fn alone() -> (StandIn, Arc<dyn Cloud>) {
    let stand_in = StandIn::start();
    let cloud = open(&stand_in.url());
    (stand_in, cloud)
}

pub(crate) async fn running(cloud: &Arc<dyn Cloud>, request: &CreateInstance) -> Instance {
    let made = cloud.create(request).await.expect("is made");
    cloud
        .wait(&made.at, Until::Running, PATIENCE)
        .await
        .expect("runs")
}

/// A call without the driver; the body of its answer.
pub(crate) async fn raw(url: &str, path: &str, body: &Value) -> String {
    let http = reqwest::Client::builder().build().expect("builds");
    let call = http.post(format!("{url}/v2/{path}")).bearer_auth(TOKEN);
    let answer = call.json(body).send().await.expect("answers");
    answer.text().await.expect("in text")
}

/// Destroys a droplet as its owner would, without the driver.
pub(crate) async fn vanish(url: &str, at: &InstanceRef) {
    let http = reqwest::Client::builder().build().expect("builds");
    let call = http.delete(format!("{url}/v2/droplets/{}", at.id));
    let answer = call.bearer_auth(TOKEN).send().await.expect("answers");
    assert!(answer.status().is_success(), "{answer:?}");
}

pub(crate) fn request(name: &str) -> CreateInstance {
    let token = random::hex::<12>();
    CreateInstance {
        tag: Tag {
            installation: "arcus-test".to_owned(),
            token,
        },
        name: format!("test-{name}"),
        region: REGION.to_owned(),
        plan: plan("s-1vcpu-1gb", 25),
        image: image(),
        user_data: "#cloud-config\n{}\n".to_owned(),
        public_keys: Vec::new(),
        ports: Vec::new(),
        group: format!("group-{name}"),
        is_first: false,
        nesting: false,
        snapshot: None,
    }
}

pub(crate) fn image() -> Image {
    Image {
        slug: "debian-12".to_owned(),
        name: "Debian 12".to_owned(),
        distribution: "debian-12".to_owned(),
        login_user: "root".to_owned(),
        source: ImageSource {
            alias: Some("debian/12".to_owned()),
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
        memory_mib: 1024,
        disk_gib,
        bandwidth_tb: 0,
        hourly: Money(0),
        monthly: Money(0),
        open: true,
    }
}
