//! The binary as a child process, and what may befall it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::client::Client;
use crate::database::Database;
use crate::ledger::Ledger;
use crate::wait;

/// How an Arcus is to be started.
#[derive(Debug, Clone)]
pub struct Builder {
    binary: PathBuf,
    database: Database,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    finds_incus: bool,
}

/// A running Arcus. Dropped, it is killed and its folder is removed.
pub struct Arcus {
    builder: Builder,
    folder: Arc<Folder>,
    child: Option<Child>,
    log: Arc<Mutex<Vec<String>>>,
    base: String,
}

enum Folder {
    Own(TempDir),
    Given(PathBuf),
}

// === impl Builder ===

impl Builder {
    /// With the simulated cloud on and without this machine's Incus, on SQLite. `binary` is `env!("CARGO_BIN_EXE_arcus")`.
    pub fn new(binary: &str) -> Self {
        Self {
            binary: PathBuf::from(binary),
            database: Database::Sqlite,
            flags: vec!["--sandbox".to_owned()],
            variables: Vec::new(),
            finds_incus: false,
        }
    }

    /// With this machine's Incus as the region `local`. Only for what boots servers there: each Arcus asks its clouds when it
    /// starts, and those that are started and killed by the dozen would be asking beside tests that need an answer.
    #[must_use]
    pub fn with_incus(mut self) -> Self {
        self.finds_incus = true;
        self
    }

    /// On this database.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        self.database = database;
        self
    }

    /// With this flag of `arcus serve`.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// With this environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it in a new folder.
    pub async fn start(self) -> Arcus {
        let folder = tempfile::Builder::new()
            .prefix("arcus-test-")
            .tempdir()
            .expect("a folder");
        self.start_with(Arc::new(Folder::Own(folder))).await
    }

    /// Starts it in a folder that is there.
    pub async fn start_in(self, folder: &Path) -> Arcus {
        self.start_with(Arc::new(Folder::Given(folder.to_owned())))
            .await
    }

    async fn start_with(self, folder: Arc<Folder>) -> Arcus {
        let mut arcus = Arcus {
            builder: self,
            folder,
            child: None,
            log: Arc::default(),
            base: String::new(),
        };
        arcus.restart().await;
        arcus
    }
}

// === impl Folder ===

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Given(path) => path,
        }
    }
}

// === impl Arcus ===

impl Arcus {
    /// Starts it (again) and waits until it listens.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        self.log.lock().expect("the log").clear();
        let mut command = self.command();
        command
            .arg("serve")
            .arg("--listen=127.0.0.1:0")
            .args(&self.builder.flags);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("its log");
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lock().expect("the log").push(line);
            }
        });
        self.child = Some(child);
        let address = wait::until("Arcus to listen", Duration::from_secs(30), || async {
            if let Some(status) = self.exited() {
                panic!("Arcus ended with {status}: {}", self.log().join("\n"));
            }
            self.address()
        })
        .await;
        self.base = format!("http://{address}");
    }

    fn address(&self) -> Option<String> {
        let log = self.log();
        let line = log
            .iter()
            .find(|line| line.contains("\"message\":\"Arcus listens\""))?;
        let line: Value = serde_json::from_str(line).ok()?;
        Some(line["address"].as_str()?.to_owned())
    }

    fn exited(&self) -> Option<ExitStatus> {
        let id = self.child.as_ref()?.id();
        // A zombie waits to be reaped; asking without reaping keeps this a reading.
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let zombie = state.rsplit(')').next()?.trim_start().starts_with('Z');
        zombie.then(ExitStatus::default)
    }

    /// Whether the process has not ended yet, whatever it is told to do.
    pub fn is_alive(&self) -> bool {
        self.child.is_some() && self.exited().is_none()
    }

    /// Whether somebody accepts connections where it listens.
    pub async fn is_listening(&self) -> bool {
        let address = self.base.trim_start_matches("http://");
        tokio::net::TcpStream::connect(address).await.is_ok()
    }

    /// A second process on the same database and simulated cloud.
    pub async fn replica(&self) -> Self {
        let mut replica = Self {
            builder: self.builder.clone(),
            folder: Arc::clone(&self.folder),
            child: None,
            log: Arc::default(),
            base: String::new(),
        };
        replica.restart().await;
        replica
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.builder.binary);
        command.arg("--data-dir").arg(self.folder.path());
        if let Some(url) = self.builder.database.url() {
            command.arg("--database-url").arg(url);
        }
        command.env("ARCUS_FIND_INCUS", self.builder.finds_incus.to_string());
        command.envs(
            self.builder
                .variables
                .iter()
                .map(|(name, value)| (name, value)),
        );
        command
    }

    /// Runs another command of the binary on the same data, such as `["sandbox", "ls"]`.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command()
            .args(arguments)
            .output()
            .expect("the binary runs")
    }

    /// The same, and its JSON; it must succeed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }

    /// The same with something on its standard input, such as a password; it must succeed. What it printed.
    pub fn tell(&self, arguments: &[&str], input: &str) -> String {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(input.as_bytes()).expect("it listens");
        drop(stdin);
        let output = child.wait_with_output().expect("the binary runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// How often that method of the simulated cloud was called.
    pub fn calls(&self, method: &str) -> u64 {
        self.json(&["sandbox", "calls"])[method]
            .as_u64()
            .unwrap_or(0)
    }

    /// The simulated cloud's own truth.
    pub fn instances(&self) -> Vec<Value> {
        self.json(&["sandbox", "ls", "--json"])
            .as_array()
            .expect("an array")
            .clone()
    }

    /// Sets faults of the simulated cloud, such as `["latency_ms=200"]`.
    pub fn faults(&self, settings: &[&str]) {
        let output = self.run(&[&["sandbox", "faults"], settings].concat());
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The queue's own record.
    pub async fn ledger(&self) -> Ledger {
        Ledger::open(&self.builder.database, self.folder.path()).await
    }

    /// A counter of its own process's metrics, all its labels that hold these words together.
    pub async fn metric(&self, name: &str, words: &[&str]) -> f64 {
        let text = self.client().get("/metrics").await.text;
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines
            .filter(|line| words.iter().all(|word| line.contains(word)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// A client without a token.
    pub fn client(&self) -> Client {
        Client::new(&self.base)
    }

    /// Where it listens.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// What it has logged since it started.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("the log").clone()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
        }
    }

    /// Sends a signal, such as `TERM`, `STOP` or `CONT`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.pid().to_string())
            .status();
        assert!(sent.expect("kill runs").success(), "the signal is sent");
    }

    /// SIGSTOP, at a moment when it does not hold the simulated cloud's file locked: a real cloud does not stand still
    /// with one of its callers.
    pub async fn freeze(&self) {
        wait::until("Arcus to freeze", Duration::from_secs(30), || async {
            self.signal("STOP");
            wait::until("it to stand still", Duration::from_secs(5), || async {
                self.stands_still().then_some(())
            })
            .await;
            if self.cloud_is_free().await {
                return Some(());
            }
            self.signal("CONT");
            None
        })
        .await;
    }

    fn stands_still(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid()));
        let mut tasks = tasks.expect("its threads").flatten();
        tasks.all(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let state = stat.rsplit(')').next().unwrap_or_default();
            state.trim_start().starts_with('T')
        })
    }

    /// Whether anybody else can write to the simulated cloud's file.
    async fn cloud_is_free(&self) -> bool {
        let options = SqliteConnectOptions::new()
            .filename(self.folder().join("sandbox.db"))
            .busy_timeout(Duration::from_millis(300));
        let cloud = SqliteConnection::connect_with(&options).await;
        let mut cloud = cloud.expect("the simulated cloud's file opens");
        sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK")
            .execute(&mut cloud)
            .await
            .is_ok()
    }

    /// SIGTERM, and waits for its end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }

    /// Waits for the end of a process that was told to stop.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        wait::until("Arcus to stop", Duration::from_secs(35), || {
            let ended = child.try_wait().expect("its status");
            async move { ended }
        })
        .await
    }
}

impl Drop for Arcus {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be frozen or gone: killing works on the first and does no harm to the second.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
