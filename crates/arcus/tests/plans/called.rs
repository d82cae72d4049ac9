//! The calls of a plan are those that are made, and it makes none itself: held against what arrives at a stand-in.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Arcus, Builder, Client, digital_ocean, ec2, hetzner, wait};

use super::{calls, on_terms, planned};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a stand-in tells of the calls that came, and of what there is.
trait Witness {
    /// Each call that changes something, in its documentation's words, since so many had come.
    fn changes(&self, since: usize) -> Vec<String>;
    fn came(&self) -> usize;
    /// How many servers live.
    fn living(&self) -> usize;
    /// What would be forgotten at the cloud: firewalls, and keys that belong to an environment.
    fn left(&self) -> Vec<String>;
}

impl Witness for digital_ocean::StandIn {
    fn changes(&self, since: usize) -> Vec<String> {
        let all = self.calls();
        let changes = all[since..].iter().filter(|call| call.method != "GET");
        changes
            .map(|call| format!("{} {}", call.method, call.path))
            .collect()
    }

    fn came(&self) -> usize {
        self.calls().len()
    }

    fn living(&self) -> usize {
        self.droplets()
    }

    fn left(&self) -> Vec<String> {
        self.firewalls()
    }
}

impl Witness for hetzner::StandIn {
    fn changes(&self, since: usize) -> Vec<String> {
        let all = self.calls();
        let changes = all[since..].iter().filter(|call| call.method != "GET");
        changes
            .map(|call| format!("{} {}", call.method, call.path))
            .collect()
    }

    fn came(&self) -> usize {
        self.calls().len()
    }

    fn living(&self) -> usize {
        self.servers().len()
    }

    fn left(&self) -> Vec<String> {
        [self.firewalls(), self.networks()].concat()
    }
}

impl Witness for ec2::StandIn {
    fn changes(&self, since: usize) -> Vec<String> {
        let all = self.calls();
        let all = all[since..].iter().map(|call| call.action.clone());
        all.filter(|action| !action.starts_with("Describe") && !action.starts_with("Get"))
            .collect()
    }

    fn came(&self) -> usize {
        self.calls().len()
    }

    fn living(&self) -> usize {
        ec2::StandIn::living(self).len()
    }

    fn left(&self) -> Vec<String> {
        let mut groups = self.groups();
        groups.retain(|name| name != "default");
        [groups, self.keys()].concat()
    }
}

/// An owner with an account at a cloud, and whoever sees what arrives there.
struct Account<W> {
    owner: Client,
    witness: W,
    provider: Value,
    region: &'static str,
    size: &'static str,
}

impl<W: Witness> Account<W> {
    /// Asks for a plan, which changes nothing, makes the change on its terms, and waits until so many servers run: then
    /// what was called is what was planned.
    async fn follow(&self, (method, path, body): (Method, &str, &Value), count: usize) {
        let before = self.witness.came();
        let plan = planned(&self.owner, method.clone(), path, body).await;
        assert_eq!(self.witness.changes(before), Vec::<String>::new(), "{plan}");
        let before = self.witness.came();
        let made = on_terms(&self.owner, method, path, body, &plan).await;
        assert!((200..300).contains(&made.status), "{}", made.text);
        wait::until("it to be done", PATIENCE, || self.has(count)).await;
        let mut changes = self.witness.changes(before);
        changes.sort();
        assert_eq!(changes, calls(&plan), "{plan}");
    }

    /// Whether so many run, here and at the cloud.
    async fn has(&self, count: usize) -> Option<()> {
        let listed = self.owner.get("/environments").await.ok();
        let nodes = listed[0]["nodes"].as_array().cloned().unwrap_or_default();
        let run = nodes.iter().all(|node| node["public_ip"] != "");
        let is_so = run && nodes.len() == count && self.witness.living() == count;
        (is_so && (count > 0 || listed == json!([]))).then_some(())
    }

    /// Makes an environment, lets it grow and shrink, and takes it away.
    async fn live(&self) {
        let size = self.size;
        let body = json!({
            "provider_id": self.provider, "region": self.region, "environment": "dev",
            "nodes": [{"name": "web", "size": size, "count": 2}, {"name": "db", "size": size}],
        });
        self.follow((Method::POST, "/environments", &body), 3).await;
        let listed = self.owner.get("/environments").await.ok();
        let id = listed[0]["id"].as_str().expect("an id");
        let scale = format!("/environments/{id}/scale");
        let by_one = json!({"name": "web", "count": 1});
        self.follow((Method::POST, &scale, &by_one), 4).await;
        self.follow((Method::DELETE, &scale, &by_one), 3).await;
        // With ports that the firewall does not let through yet.
        let nodes = format!("/environments/{id}/nodes");
        let more = json!([{"name": "cache", "size": size, "packages": ["nginx"]}]);
        self.follow((Method::POST, &nodes, &more), 4).await;
        let delete = format!("/environments/{id}");
        self.follow((Method::DELETE, &delete, &Value::Null), 0)
            .await;
        assert_eq!(self.witness.left(), Vec::<String>::new());
    }
}

async fn start(variable: &str, url: &str) -> Arcus {
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus"));
    builder.variable(variable, url).start().await
}

async fn register(arcus: &Arcus) -> Client {
    arcus
        .client()
        .register("company name", "my@email.com")
        .await
}

#[tokio::test]
async fn what_a_plan_calls_at_digital_ocean_is_what_is_called() {
    let witness = digital_ocean::StandIn::start();
    let arcus = start("ARCUS_DIGITAL_OCEAN_ENDPOINT", &witness.url()).await;
    let owner = register(&arcus).await;
    let body = json!({
        "cloud_provider": "digital_ocean", "provider_name": "my-provider", "access_token": digital_ocean::TOKEN,
    });
    let added = owner.post("/providers", &body).await.ok();
    let account = Account {
        owner,
        witness,
        provider: added["id"].clone(),
        region: "fra1",
        size: "s-1vcpu-1gb",
    };
    account.live().await;
}

#[tokio::test]
async fn what_a_plan_calls_at_amazon_is_what_is_called() {
    let witness = ec2::StandIn::start();
    let arcus = start("ARCUS_EC2_ENDPOINT", &witness.url()).await;
    let owner = register(&arcus).await;
    let body = json!({
        "cloud_provider": "ec2", "provider_name": "my-provider", "accessKey": ec2::ACCESS_KEY,
        "secretKey": ec2::SECRET_KEY,
    });
    let added = owner.post("/providers", &body).await.ok();
    let account = Account {
        owner,
        witness,
        provider: added[0]["id"].clone(),
        region: "us-east-1",
        size: "t2.micro",
    };
    account.live().await;
}

#[tokio::test]
async fn what_a_plan_calls_at_hetzner_is_what_is_called() {
    let witness = hetzner::StandIn::start();
    let arcus = start("ARCUS_HETZNER_ENDPOINT", &witness.url()).await;
    let owner = register(&arcus).await;
    let body = json!({
        "cloud_provider": "hetzner", "provider_name": "my-provider", "api_token": hetzner::TOKEN,
    });
    let added = owner.post("/providers", &body).await.ok();
    let account = Account {
        owner,
        witness,
        provider: added["id"].clone(),
        region: "fsn1",
        size: "cx23",
    };
    account.live().await;
}
