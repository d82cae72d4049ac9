//! The Incus driver against a real Incus: the suite that every cloud's driver passes, and what is Incus's own.
//!
//! Where no Incus answers, each test says so and passes without having tested anything. `ARCUS_TEST_INCUS` names
//! another socket than the usual one; set, it is a promise, and an Incus that doesn't answer there is a failure.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clouds::conformance::{self, Behaviour, Fixture};
use clouds::registry::{self, Settings};
use clouds::{
    Budget, Cloud, CloudError, CreateInstance, ErrorClass, Instance, InstanceRef, Tag, Until,
};
use domain::credentials::Credentials;
use domain::server::Power;
use domain::{Image, ImageSource, Money, Plan, random};
use futures::{FutureExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const USUAL_SOCKET: &str = "/var/lib/incus/unix.socket";
const REGION: &str = "lab";
const PATIENCE: Duration = Duration::from_secs(90);

// === the suite of all clouds ===

// `conformance_suite!` with a test that can be skipped: it needs a cloud for each.
macro_rules! behaviours {
    ($($name:ident)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                conforms(|scene| Box::pin(conformance::$name(scene))).await;
            }
        )+

        #[test]
        fn every_behaviour_of_the_suite_is_tested_here() {
            let is_name = |line: &&str| {
                line.contains('_') && line.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            };
            let suite = include_str!("../src/conformance/mod.rs");
            let all: Vec<_> = suite.lines().map(str::trim).filter(is_name).collect();
            assert_eq!(all, [$(stringify!($name)),+]);
        }
    };
}

behaviours! {
    the_cloud_answers_and_offers_its_region
    a_created_instance_is_found_by_its_token
    a_created_instance_is_listed_under_its_installation_alone
    looking_first_makes_a_second_create_needless
    two_instances_may_bear_the_same_name
    an_unknown_instance_is_not_found
    a_stopped_instance_starts_again_with_an_address
    what_is_already_so_is_a_success
    a_rebooted_instance_comes_back
    a_retired_instance_has_its_last_name_and_is_still_reached
    a_destroyed_instance_is_gone
    a_stopped_instance_is_destroyed_too
    destroying_what_is_gone_does_no_harm
    a_snapshot_is_listed_restored_and_destroyed
    a_resized_instance_runs_under_its_tag
    a_rebuilt_instance_keeps_its_address_and_its_tag
    an_adopted_instance_is_found_under_its_new_tag_alone
    traffic_counters_do_not_go_backwards_while_it_runs
    a_password_is_set_and_the_console_is_read
    the_guest_is_asked_in_one_way
    what_a_cloud_cannot_do_comes_with_a_reason
}

async fn conforms(behaviour: Behaviour) {
    let Some(raw) = Raw::reach().await else {
        return;
    };
    let fixture = Fixture {
        region: REGION.to_owned(),
        image: image(),
        plan: plan(1, 512, 4),
        larger_plan: plan(2, 768, 5),
        patience: PATIENCE,
        prefix: "conf".to_owned(),
        unknown_id: format!("none-{}", random::hex::<4>()),
        keep: None,
    };
    conformance::check(raw.cloud(), fixture, behaviour).await;
}

// === what an instance is given ===

#[tokio::test]
async fn what_the_plan_gives_is_seen_inside_and_changes_while_it_runs() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("limits")).await;
        assert_eq!(rig.inside(&made, "nproc").await, "1");
        assert_eq!(rig.memory_inside(&made).await, 512 << 20);

        let boot = rig
            .inside(
                &made,
                "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1",
            )
            .await;
        rig.cloud
            .resize(&made.at, &plan(2, 640, 5))
            .await
            .expect("resizes");
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        // Incus spreads processors over instances soon, and not at once.
        let soon = format!(
            "timeout 20 sh -c 'until [ $(nproc) = {} ]; do :; done'; nproc",
            here.min(2)
        );
        assert_eq!(rig.inside(&made, &soon).await, here.min(2).to_string());
        assert_eq!(rig.memory_inside(&made).await, 640 << 20);
        let after = rig
            .inside(
                &made,
                "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1",
            )
            .await;
        assert_eq!(after, boot, "it was not restarted");
        assert_eq!(rig.shown(&made).await["devices"]["root"]["size"], "5GiB");
    })
    .await;
}

#[tokio::test]
async fn a_container_may_nest_others_when_asked_and_is_never_privileged() {
    on_incus(async |rig| {
        let mut request = rig.request("nesting");
        request.nesting = true;
        let nesting = rig.create(&request).await;
        let plain = rig.create(&rig.request("plain")).await;

        assert_eq!(
            rig.shown(&nesting).await["config"]["security.nesting"],
            "true"
        );
        assert_eq!(
            rig.shown(&plain).await["config"].get("security.nesting"),
            None
        );
        for made in [&nesting, &plain] {
            assert_eq!(
                rig.shown(made).await["expanded_config"].get("security.privileged"),
                None
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_image_that_nobody_has_is_refused_by_name() {
    on_incus(async |rig| {
        let mut request = rig.request("image");
        request.image.source.alias = Some("no/such/image".to_owned());
        let error = rig.cloud.create(&request).await.expect_err("refused");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(error.message.contains("no/such/image"), "{error}");
        assert_eq!(
            rig.cloud.find(REGION, &request.tag).await.expect("finds"),
            []
        );
    })
    .await;
}

// === tokens and names ===

#[tokio::test]
async fn the_same_request_again_returns_the_same_instance() {
    on_incus(async |rig| {
        let request = rig.request("again");
        let (first, second) = tokio::join!(rig.cloud.create(&request), rig.cloud.create(&request));
        let (first, second) = (first.expect("creates"), second.expect("finds"));
        assert_eq!(first.at, second.at);
        let third = rig.cloud.create(&request).await.expect("finds");
        assert_eq!(third.at, first.at);
        assert_eq!(third.power, Power::Running);
        // What Incus refused of the second and third is no failure of the instance.
        let running = rig
            .cloud
            .wait(&first.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        assert_eq!(running.tag.as_ref(), Some(&request.tag));
        assert_eq!(
            rig.cloud.find(REGION, &request.tag).await.expect("finds"),
            [running]
        );
    })
    .await;
}

#[tokio::test]
async fn a_long_name_is_shortened_at_incus_and_whole_for_users() {
    on_incus(async |rig| {
        let mut request = rig.request("long");
        request.name = format!(
            "{}.with_what_incus_refuses.{}",
            request.name,
            "x".repeat(64)
        );
        let made = rig.create(&request).await;
        assert!(
            made.at.id.len() <= 63 && !made.at.id.contains(['.', '_']),
            "{}",
            made.at.id
        );
        assert_eq!(made.name, request.name);

        let last = domain::names::deleted(&request.name);
        let retired = rig.cloud.retire(&made.at, &last).await.expect("retires");
        let ending = &last[last.len() - "-DEL".len() - 32..];
        assert!(
            retired.id.len() <= 63 && retired.id.ends_with(ending),
            "{}",
            retired.id
        );
        assert_eq!(rig.cloud.get(&retired).await.expect("is there").name, last);
        let old = rig.cloud.get(&made.at).await.expect_err("is gone");
        assert_eq!(old.class, ErrorClass::NotFound);
    })
    .await;
}

// === inside ===

#[tokio::test]
async fn a_password_that_is_set_stands_in_the_guest() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("password")).await;
        let shadow = async || rig.inside(&made, "grep ^root: /etc/shadow").await;
        let before = shadow().await;
        set_password(&rig.cloud, &made.at, "root", "pass: wörd 'x'")
            .await
            .expect("is set");
        let after = shadow().await;
        assert_ne!(after, before);
        assert!(after.starts_with("root:$"), "{after}");

        let error = set_password(&rig.cloud, &made.at, "nobody-here", "hunter2hunter2").await;
        let error = error.expect_err("no such user");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(!error.message.contains("hunter2"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_rebuilt_system_is_new_and_takes_its_user_data() {
    on_incus(async |rig| {
        let file = |text: &str| {
            let file = json!({ "write_files": [{ "path": "/root/given", "content": text }] });
            format!("#cloud-config\n{file}\n")
        };
        let mut request = rig.request("rebuild");
        request.user_data = file("first");
        let made = rig.running(&request).await;
        let settled = "cloud-init status --wait >/dev/null; cat /root/given";
        assert_eq!(rig.inside(&made, settled).await, "first");
        rig.inside(&made, "touch /root/old").await;

        for given in ["second", "second"] {
            let data = file(given);
            rig.cloud
                .rebuild(&made.at, &image(), &data)
                .await
                .expect("rebuilds");
            let again = rig
                .cloud
                .wait(&made.at, Until::Running, PATIENCE)
                .await
                .expect("runs");
            assert_eq!(again.address(), made.address());
            assert_eq!(rig.inside(&made, settled).await, given);
            assert_eq!(rig.inside(&made, "ls /root").await, "given");
            rig.inside(&made, "touch /root/old").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_system_with_snapshots_is_not_rebuilt_and_goes_on_running() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("snapped")).await;
        rig.cloud
            .create_snapshot(&made.at, "kept")
            .await
            .expect("takes a snapshot");
        let error = rig
            .cloud
            .rebuild(&made.at, &image(), "")
            .await
            .expect_err("refused");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert_eq!(
            rig.cloud.get(&made.at).await.expect("is there").power,
            Power::Running
        );
    })
    .await;
}

// === power ===

#[tokio::test]
async fn a_frozen_instance_counts_as_stopped_and_starts_again() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("frozen")).await;
        let path = format!("instances/{}/state", made.at.id);
        rig.raw
            .run("PUT", &path, &json!({ "action": "freeze" }))
            .await;
        assert_eq!(
            rig.cloud.get(&made.at).await.expect("is there").power,
            Power::Stopped
        );
        rig.cloud.start(&made.at).await.expect("starts");
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
    })
    .await;
}

#[tokio::test]
async fn a_stop_by_force_overtakes_one_that_the_guest_ignores() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("deaf")).await;
        // Nobody reads what Incus asks for: the process that would is stopped.
        rig.raw
            .run(
                "PUT",
                &format!("instances/{}/state", made.at.id),
                &json!({ "action": "freeze" }),
            )
            .await;
        let raw = json!({ "action": "unfreeze" });
        rig.raw
            .run("PUT", &format!("instances/{}/state", made.at.id), &raw)
            .await;
        rig.inside(
            &made,
            "mkdir -p /run/systemd/system; systemctl mask --runtime poweroff.target halt.target",
        )
        .await;
        rig.cloud.stop(&made.at, false).await.expect("is asked");
        rig.cloud.stop(&made.at, true).await.expect("is cut");
        rig.cloud
            .wait(&made.at, Until::Stopped, PATIENCE)
            .await
            .expect("is off");
    })
    .await;
}

#[tokio::test]
async fn a_wait_that_takes_too_long_says_what_it_saw() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("late")).await;
        let timeout = Duration::from_millis(300);
        let error = rig
            .cloud
            .wait(&made.at, Until::Stopped, timeout)
            .await
            .expect_err("gives up");
        assert_eq!(error.class, ErrorClass::Unavailable);
        assert!(error.message.contains("it is running"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_guest_that_switches_itself_off_ends_the_wait() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("off")).await;
        let (stopped, _) = tokio::join!(
            rig.cloud.wait(&made.at, Until::Stopped, PATIENCE),
            rig.inside(&made, "systemctl poweroff --no-block"),
        );
        assert_eq!(stopped.expect("is off").power, Power::Stopped);
    })
    .await;
}

// === events ===

#[tokio::test]
async fn the_stream_tells_what_others_change() {
    on_incus(async |rig| {
        let request = rig.request("events");
        let made = rig.create(&request).await;
        told_of(rig, &rig.cloud, &made).await;
    })
    .await;
}

/// Waits until the stream names an instance, which somebody else touches until then.
async fn told_of(rig: &Rig, cloud: &Arc<dyn Cloud>, made: &Instance) {
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

// === over the network ===

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
        set_password(&cloud, &made.at, "root", "over websockets")
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

// === the rig ===

/// One test's own installation on the real Incus.
struct Rig {
    cloud: Arc<dyn Cloud>,
    raw: Raw,
    installation: String,
}

/// Runs a test, and destroys what it made whether it passed or not.
async fn on_incus(test: impl AsyncFnOnce(&Rig)) {
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
    fn request(&self, name: &str) -> CreateInstance {
        request_under(&self.installation, name)
    }

    async fn create(&self, request: &CreateInstance) -> Instance {
        self.cloud.create(request).await.expect("creates")
    }

    async fn running(&self, request: &CreateInstance) -> Instance {
        let made = self.create(request).await;
        self.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs")
    }

    /// The instance as Incus itself shows it.
    async fn shown(&self, made: &Instance) -> Value {
        self.raw
            .call("GET", &format!("instances/{}", made.at.id), None)
            .await
    }

    /// What a command prints inside.
    async fn inside(&self, made: &Instance, script: &str) -> String {
        let path = format!("instances/{}/exec", made.at.id);
        let body = json!({ "command": ["sh", "-c", script], "record-output": true });
        let ended = self.raw.run("POST", &path, &body).await;
        let log = ended["metadata"]["output"]["1"]
            .as_str()
            .expect("has an output");
        let path = log.strip_prefix("/1.0/").expect("is below /1.0");
        self.raw.text(path).await.trim().to_owned()
    }

    async fn memory_inside(&self, made: &Instance) -> u64 {
        let files = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes";
        let limit = self.inside(made, &format!("cat {files} 2>/dev/null")).await;
        limit.parse().expect("is a number")
    }
}

fn request_under(installation: &str, name: &str) -> CreateInstance {
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
        nesting: false,
    }
}

fn image() -> Image {
    Image {
        slug: "debian-12".to_owned(),
        name: "Debian 12".to_owned(),
        distribution: "debian-12".to_owned(),
        login_user: "root".to_owned(),
        source: ImageSource {
            alias: Some("debian/12".to_owned()),
            ..ImageSource::default()
        },
        open: true,
    }
}

fn plan(cpus: u32, memory_mib: u64, disk_gib: u64) -> Plan {
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

async fn set_password(
    cloud: &Arc<dyn Cloud>,
    at: &InstanceRef,
    user: &str,
    password: &str,
) -> clouds::CloudResult<()> {
    cloud
        .set_password(at, user, &SecretString::from(password))
        .await
}

fn open(
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

fn local(socket: &Path) -> Map<String, Value> {
    let options = json!({ "url": format!("unix://{}", socket.display()), "local": true });
    options.as_object().cloned().expect("is an object")
}

// === Incus without the driver ===

/// Calls to Incus that don't go through the driver.
struct Raw {
    http: reqwest::Client,
    socket: PathBuf,
}

impl Raw {
    /// Incus, if it answers; else says that the test is skipped.
    async fn reach() -> Option<Self> {
        let promised = std::env::var_os("ARCUS_TEST_INCUS");
        let socket = PathBuf::from(promised.clone().unwrap_or_else(|| USUAL_SOCKET.into()));
        let http = reqwest::Client::builder()
            .unix_socket(socket.clone())
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

    fn cloud(&self) -> Arc<dyn Cloud> {
        open(local(&self.socket), Credentials::default()).expect("opens")
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
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
    async fn run(&self, method: &str, path: &str, body: &Value) -> Value {
        let begun = self.call(method, path, Some(body)).await;
        let id = begun["id"].as_str().expect("has an id");
        self.call("GET", &format!("operations/{id}/wait"), None)
            .await
    }

    async fn text(&self, path: &str) -> String {
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
        let address = format!("127.0.0.1:{}", free_port());
        let listen = async |address: &str| {
            let body = json!({ "config": { "core.https_address": address } });
            rig.raw.call("PATCH", "", Some(&body)).await;
        };
        let folder = tempfile::tempdir().expect("makes a folder");
        let (certificate, key) = client_certificate(folder.path()).await;
        listen(&address).await;
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
        listen(&before).await;
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
        open(Map::new(), credentials).expect("opens")
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
