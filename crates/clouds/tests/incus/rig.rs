//! What the tests have in common: an installation of their own on the real Incus, a way to Incus without the driver,
//! and cleaning up whether a test passed or not.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clouds::registry::{self, Settings};
use clouds::{
    Budget, Cloud, CloudError, CloudResult, CreateInstance, ErrorClass, Instance, InstanceRef, Tag,
    Until,
};
use domain::credentials::Credentials;
use domain::{Image, ImageSource, Money, Plan, random};
use futures::{FutureExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

pub(crate) const USUAL_SOCKET: &str = "/var/lib/incus/unix.socket";
pub(crate) const REGION: &str = "lab";
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// One test's own installation on the real Incus.
pub(crate) struct Rig {
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) raw: Raw,
    pub(crate) installation: String,
}

/// Runs a test, and destroys what it made whether it passed or not.
pub(crate) async fn on_incus(test: impl AsyncFnOnce(&Rig)) {
    let Some(raw) = Raw::reach().await else {
        return;
    };
    let installation = format!("arcus-test-{}", random::hex::<6>());
    let rig = Rig {
        cloud: raw.cloud(),
        raw,
        installation,
    };
    let outcome = AssertUnwindSafe(test(&rig)).catch_unwind().await;
    for made in rig
        .cloud
        .list(REGION, &rig.installation)
        .await
        .expect("lists what is left")
    {
        rig.cloud
            .destroy(&made.at)
            .await
            .expect("destroys what is left");
        rig.cloud
            .wait(&made.at, Until::Gone, PATIENCE)
            .await
            .expect("is gone");
    }
    if let Err(reason) = outcome {
        resume_unwind(reason);
    }
}

impl Rig {
    pub(crate) fn request(&self, name: &str) -> CreateInstance {
        request_under(&self.installation, name)
    }

    pub(crate) async fn create(&self, request: &CreateInstance) -> Instance {
        self.cloud.create(request).await.expect("creates")
    }

    pub(crate) async fn running(&self, request: &CreateInstance) -> Instance {
        let made = self.create(request).await;
        self.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs")
    }

    /// The instance as Incus itself shows it.
    pub(crate) async fn shown(&self, made: &Instance) -> Value {
        self.raw
            .call("GET", &format!("instances/{}", made.at.id), None)
            .await
    }

    /// What a command prints inside.
    pub(crate) async fn inside(&self, made: &Instance, script: &str) -> String {
        let path = format!("instances/{}/exec", made.at.id);
        let body = json!({ "command": ["sh", "-c", script], "record-output": true });
        let ended = self.raw.run("POST", &path, &body).await;
        let log = ended["metadata"]["output"]["1"]
            .as_str()
            .expect("has an output");
        let path = log.strip_prefix("/1.0/").expect("is below /1.0");
        self.raw.text(path).await.trim().to_owned()
    }

    /// The first line of a host key.
    pub(crate) async fn host_key(&self, made: &Instance) -> String {
        let settled = "cloud-init status --wait >/dev/null; cat /etc/ssh/ssh_host_ed25519_key.pub";
        self.inside(made, settled).await
    }

    pub(crate) async fn memory_inside(&self, made: &Instance) -> u64 {
        let files = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes";
        let limit = self.inside(made, &format!("cat {files} 2>/dev/null")).await;
        limit.parse().expect("is a number")
    }
}

/// Waits until the stream names an instance, which somebody else touches until then.
pub(crate) async fn told_of(rig: &Rig, cloud: &Arc<dyn Cloud>, made: &Instance) {
    let mut changes = cloud.changes().await.expect("Incus has a stream");
    let named = async {
        while let Some(change) = changes.next().await {
            if change.id.as_ref() == Some(&made.at.id) {
                return;
            }
        }
    };
    // The stream tells what happens while it is open, so something happens until it tells.
    let touched = async {
        for count in 0.. {
            let body = json!({ "config": { "user.touched": format!("{count}") } });
            rig.raw
                .call("PATCH", &format!("instances/{}", made.at.id), Some(&body))
                .await;
        }
    };
    tokio::select! {
        () = named => {}
        () = touched => {}
        () = tokio::time::sleep(PATIENCE) => panic!("the stream never named {}", made.at.id),
    }
}

pub(crate) fn request_under(installation: &str, name: &str) -> CreateInstance {
    let token = random::hex::<12>();
    CreateInstance {
        tag: Tag {
            installation: installation.to_owned(),
            token: token.clone(),
        },
        name: format!("test-{name}-{}", &token[..6]),
        region: REGION.to_owned(),
        plan: plan(1, 512, 4),
        image: image(),
        user_data: "#cloud-config\n{}\n".to_owned(),
        public_keys: Vec::new(),
        ports: Vec::new(),
        group: "arcus-test".to_owned(),
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

pub(crate) fn plan(cpus: u32, memory_mib: u64, disk_gib: u64) -> Plan {
    Plan {
        slug: "test".to_owned(),
        family: "Test".to_owned(),
        cpus,
        memory_mib,
        disk_gib,
        bandwidth_tb: 0,
        hourly: Money(0),
        monthly: Money(0),
        open: true,
    }
}

pub(crate) async fn set_password(
    cloud: &Arc<dyn Cloud>,
    at: &InstanceRef,
    user: &str,
    hash: &str,
) -> clouds::CloudResult<()> {
    cloud
        .set_password(at, user, &SecretString::from(hash))
        .await
}

/// Asks again as long as Incus can't answer now, as the runner does.
pub(crate) async fn until_it_can<T>(ask: impl AsyncFn() -> CloudResult<T>) -> CloudResult<T> {
    let is_final = |answer: &CloudResult<T>| {
        let unavailable = |error: &CloudError| error.class == ErrorClass::Unavailable;
        !answer.as_ref().is_err_and(unavailable)
    };
    eventually(ask, is_final).await
}

/// Looks again and again until what is seen is as it should be, or for too long; the last that was seen.
pub(crate) async fn eventually<T>(look: impl AsyncFn() -> T, holds: impl Fn(&T) -> bool) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let seen = look().await;
        if holds(&seen) || tokio::time::Instant::now() > deadline {
            return seen;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

pub(crate) fn open(
    options: Map<String, Value>,
    credentials: Credentials,
) -> clouds::CloudResult<Arc<dyn Cloud>> {
    let kind = registry::kind("incus").expect("is registered");
    let region = REGION.to_owned();
    (kind.open)(Settings {
        region,
        options,
        credentials,
        budget: Budget::default(),
    })
}

pub(crate) fn local(socket: &Path) -> Map<String, Value> {
    let options = json!({ "url": format!("unix://{}", socket.display()), "local": true });
    options.as_object().cloned().expect("is an object")
}

// === Incus without the driver ===

/// Calls to Incus that don't go through the driver.
pub(crate) struct Raw {
    pub(crate) http: reqwest::Client,
    pub(crate) socket: PathBuf,
}

impl Raw {
    /// Incus, if it answers; else says that the test is skipped.
    pub(crate) async fn reach() -> Option<Self> {
        let promised = std::env::var_os("ARCUS_TEST_INCUS");
        let socket = PathBuf::from(promised.clone().unwrap_or_else(|| USUAL_SOCKET.into()));
        let http = reqwest::Client::builder()
            .unix_socket(socket.clone())
            // As in the driver: an unused connection would stop Incus.
            .pool_max_idle_per_host(0)
            .build()
            .expect("builds");
        let raw = Self { http, socket };
        match raw.cloud().check().await {
            Ok(()) => Some(raw),
            Err(error) if promised.is_none() => {
                eprintln!(
                    "SKIPPED, nothing was tested: no Incus at {}: {error}",
                    raw.socket.display()
                );
                None
            }
            Err(error) => panic!("no Incus at {}: {error}", raw.socket.display()),
        }
    }

    pub(crate) fn cloud(&self) -> Arc<dyn Cloud> {
        open(local(&self.socket), Credentials::default()).expect("opens")
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let method = method.parse().expect("is a method");
        let path = format!("/1.0/{path}");
        let url = format!("http://incus{}", path.trim_end_matches('/'));
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer: Value = request
            .send()
            .await
            .expect("answers")
            .json()
            .await
            .expect("answers in JSON");
        assert_ne!(answer["type"], "error", "{path}: {answer}");
        answer["metadata"].clone()
    }

    /// Begins an operation and waits for its end.
    pub(crate) async fn run(&self, method: &str, path: &str, body: &Value) -> Value {
        let begun = self.call(method, path, Some(body)).await;
        let id = begun["id"].as_str().expect("has an id");
        self.call("GET", &format!("operations/{id}/wait"), None)
            .await
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self
            .http
            .get(format!("http://incus/1.0/{path}"))
            .send()
            .await;
        response
            .expect("answers")
            .text()
            .await
            .expect("answers in text")
    }
}
