//! Where a round takes place: a data folder with a user and a provider, prepared once and copied for each round.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::ec2::{ACCESS_KEY, SECRET_KEY, StandIn};
use testkit::{Answer, Arcus, Builder, Client, Ledger, Method, Scene, Shop, wait};

use crate::random::Random;

/// Servers asked for in a round.
pub(crate) const SERVERS: usize = 20;

/// How long a round may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(120);

/// A prepared data folder.
pub(crate) struct Template {
    folder: TempDir,
    token: String,
    bearer: String,
    provider: String,
    wanted: Wanted,
}

/// What a round asks for first.
#[derive(Clone, Copy)]
struct Wanted {
    region: &'static str,
    size: &'static str,
    count: usize,
}

/// One round's Arcus, that dies and is started again.
pub(crate) struct Stage {
    pub(crate) arcus: Arcus,
    pub(crate) ledger: Ledger,
    template: Arc<Template>,
    _folder: TempDir,
}

/// An Arcus whose leases run out soon, so that what a killed process held is taken up at once.
pub(crate) fn builder() -> Builder {
    Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .variable("ARCUS_LEASE_SECS", "0.6")
        .variable("ARCUS_RECONCILE_SECS", "0.5")
        .variable("ARCUS_LOG", "info,control=debug")
}

/// A token of Cloude.ro's API.
async fn bearer(owner: &Client) -> String {
    let tokens = Shop::log_in(owner, "my@email.com").await;
    tokens["token"].as_str().expect("a token").to_owned()
}

/// A folder in memory where there is one: what `kill -9` leaves is the same, and a disk would be most of the round.
fn folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("arcus-test-");
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        builder.tempdir_in(memory)
    } else {
        builder.tempdir()
    }
    .expect("a folder")
}

// === impl Template ===

impl Template {
    pub(crate) async fn prepare() -> Arc<Self> {
        let folder = folder();
        let scene = Scene::on(builder().start_in(folder.path()).await).await;
        // What is sold is kept, so that a round begins with its creates.
        let meta = format!("/providers/{}/meta", scene.provider);
        scene.owner.get(&meta).await.ok();
        let template = Self {
            token: scene.owner.token().to_owned(),
            bearer: bearer(&scene.owner).await,
            provider: scene.provider.clone(),
            folder,
            wanted: Wanted {
                region: "sandbox",
                size: "eos1",
                count: SERVERS,
            },
        };
        let mut arcus = scene.arcus;
        assert!(arcus.stop().await.success());
        Arc::new(template)
    }

    /// One whose provider is an account at Amazon EC2, and whose rounds ask for so many servers.
    pub(crate) async fn prepare_at_amazon(amazon: &StandIn, count: usize) -> Arc<Self> {
        let folder = folder();
        let builder = builder().variable("ARCUS_EC2_ENDPOINT", &amazon.url());
        let mut arcus = builder.start_in(folder.path()).await;
        let owner = arcus.client();
        let owner = owner.register("company name", "my@email.com").await;
        let body = json!({
            "cloud_provider": "ec2", "provider_name": "my-provider", "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY,
        });
        let provider = owner.post("/providers", &body).await.ok();
        let provider = provider[0]["id"].as_str().expect("an id").to_owned();
        owner.get(&format!("/providers/{provider}/meta")).await.ok();
        let template = Self {
            token: owner.token().to_owned(),
            bearer: bearer(&owner).await,
            provider,
            folder,
            wanted: Wanted {
                region: "us-east-1",
                size: "t3.small",
                count,
            },
        };
        assert!(arcus.stop().await.success());
        Arc::new(template)
    }

    /// A copy, and Arcus running in it against that stand-in.
    pub(crate) async fn stage_at_amazon(self: &Arc<Self>, amazon: &StandIn) -> Stage {
        let builder = builder().variable("ARCUS_EC2_ENDPOINT", &amazon.url());
        self.copy(builder).await
    }

    /// A copy, with these faults, and Arcus running in it.
    pub(crate) async fn stage(self: &Arc<Self>, faults: &[String]) -> Stage {
        let stage = self.copy(builder()).await;
        let settings: Vec<&str> = faults.iter().map(String::as_str).collect();
        stage.arcus.faults(&settings);
        stage
    }

    async fn copy(self: &Arc<Self>, builder: Builder) -> Stage {
        let folder = folder();
        for entry in std::fs::read_dir(self.folder.path()).expect("the template") {
            let entry = entry.expect("a file");
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
        }
        let arcus = builder.start_in(folder.path()).await;
        Stage {
            ledger: arcus.ledger().await,
            arcus,
            template: Arc::clone(self),
            _folder: folder,
        }
    }
}

// === impl Stage ===

impl Stage {
    /// The customer of single servers.
    pub(crate) fn customer(&self) -> Client {
        self.arcus.client().with_bearer(&self.template.bearer)
    }

    pub(crate) fn client(&self) -> Client {
        self.arcus.client().with_token(&self.template.token)
    }

    /// Sends a request, and kills Arcus at that moment after it, if any. Whether and how it was answered; Arcus runs
    /// again.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        kill: Option<Duration>,
    ) -> Option<Answer> {
        let client = self.client();
        self.send_by(client, method, path, body, kill).await
    }

    /// The same through Cloude.ro's API.
    pub(crate) async fn send_as_customer(
        &mut self,
        method: Method,
        path: &str,
        body: &Value,
        kill: Option<Duration>,
    ) -> Option<Answer> {
        let client = self.customer();
        self.send_by(client, method, path, Some(body), kill).await
    }

    async fn send_by(
        &mut self,
        client: Client,
        method: Method,
        path: &str,
        body: Option<&Value>,
        kill: Option<Duration>,
    ) -> Option<Answer> {
        let mut request = client.request(method, path);
        request = request.header("Prefer", "respond-async");
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = tokio::spawn(async move { client.try_send(request).await });
        if let Some(moment) = kill {
            self.kill_after(moment).await;
        }
        answer.await.expect("the request is sent")
    }

    /// `kill -9` in a moment, and a start.
    pub(crate) async fn kill_after(&mut self, moment: Duration) {
        tokio::time::sleep(moment).await;
        self.arcus.kill();
        self.arcus.restart().await;
    }

    /// Asks for the environment `crash` with its servers, until an answer says or a look shows that it is there.
    /// What was answered must have lasted.
    pub(crate) async fn create(&mut self, kill: Option<Duration>) -> String {
        let wanted = self.template.wanted;
        let body = json!({
            "provider_id": self.template.provider, "region": wanted.region, "environment": "crash",
            "nodes": [{"name": "node", "size": wanted.size, "count": wanted.count}],
        });
        let answer = self
            .send(Method::POST, "/environments", Some(&body), kill)
            .await;
        let environments = self.client().get("/environments").await.ok();
        let there = environments[0]["id"].as_str().map(str::to_owned);
        if let Some(answer) = answer {
            let answered = answer.expect(202)["environment"].clone();
            assert_eq!(json!(there), answered, "it was answered and forgotten");
        }
        if let Some(id) = there {
            return id;
        }
        let answer = self.send(Method::POST, "/environments", Some(&body), None);
        let answer = answer.await.expect("it is answered").expect(202);
        answer["environment"].as_str().expect("an id").to_owned()
    }

    /// Waits until nothing is left to do.
    pub(crate) async fn come_to_rest(&self) {
        let rested = tokio::time::timeout(PATIENCE, async {
            while self.ledger.pending().await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if rested.await.is_err() {
            let mut records = self.ledger.read().await;
            records
                .operations
                .retain(|operation| operation.finished_at.is_none());
            panic!(
                "not at rest after {PATIENCE:?}: {:#?}\n{}",
                records.operations,
                self.arcus.log().join("\n")
            );
        }
    }

    /// The nodes of the environment that are there to stay.
    pub(crate) async fn nodes(&self) -> Vec<Value> {
        let environments = self.client().get("/environments").await.ok();
        let nodes = environments[0]["nodes"].as_array().cloned();
        let mut nodes = nodes.unwrap_or_default();
        nodes.retain(|node| node["status"] != "deleting" && node["status"] != "terminated");
        nodes
    }

    /// Once at rest: so many instances, each of them one node's and each node's one of them, each as its owner wants
    /// it, and every operation's record whole.
    pub(crate) async fn assert_right(&self, environment: &str, count: usize) {
        self.arcus.run(&["sandbox", "faults", "--reset"]);
        let records = self.ledger.read().await;
        records.assert_whole();
        // What a frozen process left behind may be on its way out still.
        let instances = wait::until("as many instances", Duration::from_secs(20), || async {
            Some(self.arcus.instances()).filter(|instances| {
                let settled = |instance: &Value| {
                    ["running", "stopped"].contains(&instance["state"].as_str().expect("a state"))
                };
                instances.len() <= count && instances.iter().all(settled)
            })
        })
        .await;
        let context = || format!("{:#?}\n{:#?}", records.summary(), records.operations);
        assert_eq!(
            instances.len(),
            count,
            "instances: {instances:#?} {}",
            context()
        );
        let mut at_cloud: Vec<(&str, &str)> = instances
            .iter()
            .map(|instance| (text(instance, "id"), text(instance, "state")))
            .collect();
        let mut wanted: Vec<(&str, &str)> = records
            .living()
            .map(|server| {
                let id = server.cloud_id.as_deref().unwrap_or("none");
                (id, server.desired.as_str())
            })
            .collect();
        at_cloud.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(at_cloud, wanted, "{}", context());
        let mut shown = self.queried(environment).await;
        shown.sort_unstable();
        let known: Vec<(String, String)> = wanted
            .iter()
            .map(|(id, state)| ((*id).to_owned(), (*state).to_owned()))
            .collect();
        assert_eq!(shown, known, "what a user is shown");
    }

    /// The cloud ids and statuses that a query shows; none where the environment is gone.
    async fn queried(&self, environment: &str) -> Vec<(String, String)> {
        let path = format!("/environments/{environment}/query");
        let answer = self.client().get(&path).await;
        if answer.status == 404 {
            return Vec::new();
        }
        let body = answer.ok();
        assert_eq!(body["stale"], Value::Null, "{body}");
        let accounts = body["std_out"].as_object().expect("accounts").values();
        let kinds = accounts.flat_map(|kinds| kinds.as_object().expect("kinds").values());
        let servers = kinds.flat_map(|servers| servers.as_object().expect("servers").values());
        servers
            .map(|server| {
                (
                    text(server, "id").to_owned(),
                    text(server, "status").to_owned(),
                )
            })
            .collect()
    }
}

/// The faults of every round: calls that take their time, so that kills land in the midst of them.
pub(crate) fn slow(random: &mut Random) -> Vec<String> {
    vec![
        format!("latency_ms={}", random.between(5, 30)),
        format!("jitter_ms={}", random.between(0, 20)),
        format!("boot_ms={}", random.between(10, 80)),
        format!("stop_ms={}", random.between(0, 60)),
        format!("destroy_ms={}", random.between(0, 60)),
    ]
}

/// Those, and replies that come late or never: one kind often, or all of them now and then.
pub(crate) fn faulty(random: &mut Random) -> Vec<String> {
    let mut faults = slow(random);
    faults.push(format!("retry_after_ms={}", random.between(10, 200)));
    let kinds = [
        "timeout_after_success",
        "lost_reply",
        "lost_request",
        "throttle",
        "unavailable",
    ];
    let often = random.percent(60).then(|| *random.pick(&kinds));
    for kind in kinds {
        let percent = match often {
            Some(often) if often == kind => random.between(5, 15),
            Some(_) => 0,
            None => random.between(1, 4),
        };
        faults.push(format!("{kind}=0.{percent:02}"));
    }
    faults
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
