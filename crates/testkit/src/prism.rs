//! Prism, which stands as a proxy before a stand-in and holds every request and every answer to the cloud's specification.
//!
//! Used by the tests of drivers. What breaks the specification is answered with an error of Prism's, so that a test fails.
//! What must stay true: `ARCUS_TEST_PRISM` names its program and is a promise; and it ends with the process that started it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long Prism may take to read the specification, on a machine that is busy.
const PRISM_LIMIT: Duration = Duration::from_secs(120);
/// How much later than it refuses Prism prints that it did.
const TOLD_WITHIN: Duration = Duration::from_millis(200);
/// How long to wait for what it prints before it counts as missing.
const TOLD_AT_LAST: Duration = Duration::from_secs(30);

/// A Prism before a stand-in; it ends with this, and with this process, however that ends.
pub struct Prism {
    /// Where it listens.
    pub url: String,
    refused: Arc<Mutex<Vec<String>>>,
    shell: Child,
    held: Option<ChildStdin>,
}

/// Fails the test that holds it if anything has broken the specification by its end, whether the driver minded or not.
pub struct Faithful(&'static Prism);

impl Prism {
    /// One before the server at `upstream`. `None` where there is no Prism, and none was promised.
    pub async fn before(specification: &Path, upstream: &str) -> Option<Self> {
        let promised = std::env::var_os("ARCUS_TEST_PRISM").map(PathBuf::from);
        let Some(program) = promised.clone().or_else(usual) else {
            eprintln!("SKIPPED, nothing was tested: there is no Prism; scripts/lab.sh up prism");
            return None;
        };
        assert!(program.exists(), "no Prism at {}", program.display());
        let (specification, upstream) = (specification.to_owned(), upstream.to_owned());
        let started = move || Self::start(&program, &specification, &upstream);
        Some(
            tokio::task::spawn_blocking(started)
                .await
                .expect("it starts"),
        )
    }

    /// Whoever holds this fails, at its end, if anything has broken the specification.
    pub fn faithful(&'static self) -> Faithful {
        Faithful(self)
    }

    /// What it has refused so far, in its own words.
    pub fn refused(&self) -> Vec<String> {
        let refused = self.refused.lock();
        refused.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has told of a refusal, which it does a little later than it refuses.
    pub async fn told(&self) {
        let deadline = tokio::time::Instant::now() + TOLD_AT_LAST;
        while self.refused().is_empty() {
            assert!(tokio::time::Instant::now() < deadline, "nothing was told");
            tokio::time::sleep(TOLD_WITHIN / 4).await;
        }
    }

    fn start(program: &Path, specification: &Path, upstream: &str) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port().to_string();
        drop(free);
        // The shell ends Prism when its input does, which is when this process is no more.
        let script = "\"$0\" \"$@\" </dev/null & cat >/dev/null; kill $!";
        let arguments = ["proxy", "--errors", "-h", "127.0.0.1", "-p", &port];
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .args(arguments)
            .arg(specification)
            .arg(upstream)
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
