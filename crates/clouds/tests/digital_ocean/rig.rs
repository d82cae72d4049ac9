//! What the tests have in common: the driver on the stand-in, with Prism between them where there is one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouds::registry::{self, Settings};
use clouds::{Budget, Cloud, CreateInstance, Instance, Tag, Until};
use domain::credentials::Credentials;
use domain::{Image, ImageSource, Money, Plan, random};
use serde_json::{Value, json};
use testkit::digital_ocean::{StandIn, TOKEN};
use tokio::sync::OnceCell;

pub(crate) const REGION: &str = "nyc3";
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long Prism may take to read the specification, on a machine that is busy.
const PRISM_LIMIT: Duration = Duration::from_secs(120);
/// How much later than it refuses Prism prints that it did.
const TOLD_WITHIN: Duration = Duration::from_millis(200);

/// A Prism before a stand-in; it ends with this, and with this process, however that ends.
pub(crate) struct Prism {
    pub(crate) url: String,
    refused: Arc<Mutex<Vec<String>>>,
    shell: Child,
    held: Option<ChildStdin>,
}

/// Fails the test that holds it if anything has broken the specification by its end, whether the driver minded or not.
pub(crate) struct Faithful(&'static Prism);

impl Prism {
    /// The one of this process, before a stand-in of its own: each takes two seconds to read the specification.
    pub(crate) async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Prism>> = OnceCell::const_new();
        let start = async || Self::before(&StandIn::start()).await;
        SHARED.get_or_init(start).await.as_ref()
    }

    pub(crate) fn faithful(&'static self) -> Faithful {
        Faithful(self)
    }

    /// What it has refused so far, in its own words.
    pub(crate) fn refused(&self) -> Vec<String> {
        let refused = self.refused.lock();
        refused.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `None` where there is no Prism, and none was promised.
    pub(crate) async fn before(stand_in: &StandIn) -> Option<Self> {
        let promised = std::env::var_os("ARCUS_TEST_PRISM").map(PathBuf::from);
        let Some(program) = promised.clone().or_else(usual) else {
            eprintln!("SKIPPED, nothing was tested: there is no Prism; scripts/lab.sh up prism");
            return None;
        };
        assert!(program.exists(), "no Prism at {}", program.display());
        let upstream = stand_in.url();
        let started = tokio::task::spawn_blocking(move || Self::start(&program, &upstream));
        Some(started.await.expect("it starts"))
    }

    /// Waits until it has told of a refusal, which it does a little later than it refuses.
    pub(crate) async fn told(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.refused().is_empty() {
            assert!(tokio::time::Instant::now() < deadline, "nothing was told");
            tokio::time::sleep(TOLD_WITHIN / 4).await;
        }
    }

    fn start(program: &Path, upstream: &str) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port().to_string();
        drop(free);
        let specification = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/digital_ocean/specification.yaml"
        );
        // The shell ends Prism when its input does, which is when this process is no more.
        let script = "\"$0\" \"$@\" </dev/null & cat >/dev/null; kill $!";
        let arguments = ["proxy", "--errors", "-h", "127.0.0.1", "-p", &port];
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .args(arguments)
            .args([specification, upstream])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a shell");
        let held = shell.stdin.take();
        let lines = BufReader::new(shell.stdout.take().expect("an output")).lines();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let refused: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&refused);
        // What it prints is read to the end, or it would stop.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("Prism is listening") {
                    ready.send(()).ok();
                } else if line.contains("prism/errors#") || line.contains("iolation") {
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.push(line);
                }
            }
        });
        is_ready
            .recv_timeout(PRISM_LIMIT)
            .expect("Prism listens in time");
        Self {
            url: format!("http://127.0.0.1:{port}"),
            refused,
            shell,
            held,
        }
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        drop(self.held.take());
        self.shell.wait().ok();
    }
}

impl Drop for Faithful {
    fn drop(&mut self) {
        std::thread::sleep(TOLD_WITHIN);
        let refused = self.0.refused();
        if !std::thread::panicking() {
            assert!(
                refused.is_empty(),
                "against the specification: {refused:#?}"
            );
        }
    }
}

fn usual() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let program = home.join(".cache/arcus-lab/prism/node_modules/.bin/prism");
    program.exists().then_some(program)
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
