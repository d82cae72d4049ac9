//! What the tests have in common: an Arcus of their own on the real Incus, a way to Incus and into servers that is not
//! Arcus's, and cleaning up.

use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Arcus, Builder, Client, wait};

/// How long a server may take to become what a test wants: other tests boot theirs beside it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// One test's own Arcus, with one organisation and its provider of the operator's own regions.
pub(crate) struct Rig {
    pub(crate) arcus: Arcus,
    /// The organisation's owner.
    pub(crate) owner: Client,
    /// The organisation's name, like no other test's; the names of its servers at Incus begin with it.
    pub(crate) organisation: String,
    /// The provider's id.
    pub(crate) provider: String,
    installation: OnceLock<String>,
}

// === impl Rig ===

impl Rig {
    /// Starts it; `None` where no Incus is.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// The same with these flags of `arcus serve`.
    pub(crate) async fn start_with(flags: &[&str]) -> Option<Self> {
        let mut rig = Self::start_bare(flags).await?;
        let name = rig.organisation.clone();
        rig.register(&name, "owner@example.com").await;
        Some(rig)
    }

    /// Registers an organisation, adds its provider, and goes on as its owner.
    pub(crate) async fn register(&mut self, organisation: &str, email: &str) {
        let anonymous = self.arcus.client();
        self.owner = anonymous.register(organisation, email).await;
        self.provider = self.owner.add_provider("arcus").await;
    }

    /// Without any user.
    pub(crate) async fn start_bare(flags: &[&str]) -> Option<Self> {
        if !testkit::incus::is_there() {
            return None;
        }
        let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).with_incus();
        let builder = flags
            .iter()
            .fold(builder, |builder, flag| builder.flag(flag));
        let arcus = builder.start().await;
        Some(Self {
            owner: arcus.client(),
            organisation: format!("e2e-{}", domain::random::hex::<4>()),
            provider: String::new(),
            installation: OnceLock::new(),
            arcus,
        })
    }

    /// Makes an environment of the default application and waits until every node is ready. Its id.
    pub(crate) async fn ready(&self, name: &str, nodes: &Value) -> String {
        let made = self.create(name, nodes, "wait=600").await;
        let id = made["environment"].as_str().expect("an id").to_owned();
        assert!(made["ready"] == true, "{}", self.environment(&id).await);
        id
    }

    /// Asks for an environment of the default application. What was answered.
    pub(crate) async fn create(&self, name: &str, nodes: &Value, query: &str) -> Value {
        let body = json!({
            "provider_id": self.provider, "region": "local", "environment": name, "nodes": nodes,
        });
        let path = format!("/environments?{query}");
        let answer = self.owner.post(&path, &body).await;
        assert!(answer.status < 300, "{}", answer.text);
        answer.body
    }

    pub(crate) async fn environments(&self) -> Vec<Value> {
        let all = self.owner.get("/environments").await.ok();
        all.as_array().expect("an array").clone()
    }

    pub(crate) async fn environment(&self, id: &str) -> Value {
        let all = self.environments().await;
        let found = all.into_iter().find(|environment| environment["id"] == id);
        found.unwrap_or_else(|| panic!("there is no environment {id}"))
    }

    pub(crate) async fn node(&self, id: &str, name: &str) -> Value {
        node(&self.environment(id).await, name)
    }

    /// Waits until an environment is as it should be.
    pub(crate) async fn until(&self, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, PATIENCE, || async {
            Some(self.environment(id).await).filter(|environment| is(environment))
        })
        .await
    }

    /// Deletes an environment, and waits until it is gone and Incus has none of this installation's instances.
    pub(crate) async fn delete(&self, id: &str) {
        let path = format!("/environments/{id}?wait=300");
        let answer = self.owner.delete(&path).await.ok();
        assert_eq!(answer["success"], true, "{answer}");
        self.until_empty().await;
    }

    /// Deletes an environment from which somebody's copies are to stay.
    pub(crate) async fn delete_but_copies(&self, id: &str) {
        let path = format!("/environments/{id}?wait=300");
        let answer = self.owner.delete(&path).await.ok();
        assert_eq!(answer["success"], true, "{answer}");
        wait::until("the servers to be gone", PATIENCE, || async {
            self.environments().await.is_empty().then_some(())
        })
        .await;
    }

    pub(crate) async fn until_empty(&self) {
        wait::until("everything to be gone", PATIENCE, || async {
            let gone = self.environments().await.is_empty() && self.instances().is_empty();
            gone.then_some(())
        })
        .await;
    }

    /// This installation's instances, as Incus itself shows them.
    pub(crate) fn instances(&self) -> Vec<Value> {
        self.look().expect("Incus lists its instances")
    }

    fn look(&self) -> Option<Vec<Value>> {
        let all = testkit::incus::query("/1.0/instances?recursion=2")?;
        let all = all.as_array()?;
        let config = |instance: &Value, key: &str| {
            let value = instance["config"][key].as_str();
            value.unwrap_or_default().to_owned()
        };
        let start = format!("{}-", self.organisation);
        let named = |one: &&Value| config(one, "user.arcus.name").starts_with(&start);
        if let Some(one) = all.iter().find(named) {
            self.installation
                .get_or_init(|| config(one, "user.arcus.installation"));
        }
        let Some(installation) = self.installation.get() else {
            return Some(Vec::new());
        };
        let ours = |one: &&Value| config(one, "user.arcus.installation") == *installation;
        Some(all.iter().filter(ours).cloned().collect())
    }

    /// What a command prints in a server, which is reached with the key and the user name that the API hands out.
    pub(crate) async fn ssh(&self, environment: &Value, node: &Value, command: &str) -> String {
        let key = self.owner.get("/accounts/keys?private=True").await.ok();
        let user = environment["provider"]["username"]
            .as_str()
            .expect("a user");
        let address = node["public_ip"].as_str().expect("an address");
        ssh(&self.arcus, &key, &format!("{user}@{address}"), command)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.arcus.log();
            let last = &log[log.len().saturating_sub(30)..];
            eprintln!("The last lines of Arcus's log:\n{}", last.join("\n"));
        }
        self.arcus.kill();
        testkit::incus::clear(|| {
            let left = self.look()?;
            let names = left.iter().filter_map(|one| one["name"].as_str());
            Some(names.map(str::to_owned).collect())
        });
    }
}

/// The node of that name.
pub(crate) fn node(environment: &Value, name: &str) -> Value {
    let nodes = environment["nodes"].as_array().expect("an array");
    let found = nodes.iter().find(|node| node["name"] == name);
    let found = found.unwrap_or_else(|| panic!("{environment} has no node {name}"));
    found.clone()
}

/// The names of an environment's nodes, in their order.
pub(crate) fn node_names(environment: &Value) -> Vec<&str> {
    let nodes = environment["nodes"].as_array().expect("an array");
    nodes
        .iter()
        .map(|node| node["name"].as_str().expect("a name"))
        .collect()
}

/// Whether every node of an environment is ready.
pub(crate) fn is_ready(environment: &Value) -> bool {
    environment["ready"] == true
}

/// The address that Incus shows for an instance's `eth0`.
pub(crate) fn address(instance: &Value) -> &str {
    let addresses = instance["state"]["network"]["eth0"]["addresses"].as_array();
    let addresses = addresses.expect("it runs");
    let global = |one: &&Value| one["family"] == "inet" && one["scope"] == "global";
    let found = addresses.iter().find(global).expect("it has an address");
    found["address"].as_str().expect("a text")
}

/// What a command prints at `USER@HOST`, by the `ssh` program with that key of the API's.
pub(crate) fn ssh(arcus: &Arcus, key: &Value, login: &str, command: &str) -> String {
    use std::io::Write;
    let path = arcus
        .folder()
        .join(format!("key-{}", domain::random::hex::<4>()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .expect("a file for the key");
    let content = key["content"].as_str().expect("the private half");
    file.write_all(content.as_bytes()).expect("it is written");
    let output = Command::new("ssh")
        .arg("-i")
        .arg(&path)
        .args(["-o", "StrictHostKeyChecking=no"])
        .args(["-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=ERROR"])
        .args(["-o", "BatchMode=yes"])
        .args(["-o", "IdentitiesOnly=yes"])
        .args(["-o", "ConnectTimeout=10"])
        .args(["-o", "ConnectionAttempts=30"])
        .args([login, command])
        .output()
        .expect("ssh is installed");
    assert!(
        output.status.success(),
        "{command:?} at {login}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs the `incus` program, which has to succeed.
pub(crate) fn incus(arguments: &[&str]) {
    testkit::incus::run(arguments).expect("Incus does it");
}
