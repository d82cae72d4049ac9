//! A way to Incus on which every request is read, written down, and sometimes answered without Incus: what another
//! storage, a cluster or a virtual machine would say can't be had from the Incus of the tests.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use clouds::Cloud;
use domain::credentials::Credentials;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::rig::{Raw, local, open};

/// What was sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its first line, without the protocol, such as `GET /1.0/instances?project=default`.
    pub(crate) line: String,
    pub(crate) body: Value,
}

/// What becomes of it.
pub(crate) enum Fate {
    /// Incus gets it, and answers.
    PassedOn,
    /// Incus never sees it; the answer, in its envelope.
    Answered(Value),
    /// Incus is asked, for a request that only reads, and says something else as well.
    Retold(fn(&mut Value)),
}

/// A socket that reads what passes.
pub(crate) struct Interceptor {
    /// The driver, on that socket.
    pub(crate) cloud: Arc<dyn Cloud>,
    sent: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

/// Incus's envelope around a refusal.
pub(crate) fn refusal(words: &str) -> Fate {
    Fate::Answered(json!({ "type": "error", "error": words, "error_code": 500 }))
}

impl Interceptor {
    /// `decides` gets what was sent before as well.
    pub(crate) fn new(
        raw: &Raw,
        options: Map<String, Value>,
        decides: impl Fn(&Request, &[Request]) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        let socket = folder.path().join("incus.socket");
        let listener = UnixListener::bind(&socket).expect("binds");
        let sent: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (incus, decides) = (raw.socket.clone(), Arc::new(decides));
        let written = Arc::clone(&sent);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (decides, written) = (Arc::clone(&decides), Arc::clone(&written));
                let incus = incus.clone();
                tokio::spawn(async move {
                    pass(client, incus, |request| {
                        let mut written = written.lock().expect("nobody panics");
                        let fate = decides(&request, &written);
                        written.push(request);
                        fate
                    })
                    .await;
                });
            }
        });
        let mut all = local(&socket);
        all.extend(options);
        Self {
            cloud: open(all, Credentials::default()).expect("opens"),
            sent,
            task,
            _folder: folder,
        }
    }

    /// The requests whose lines begin so, in the order in which they were sent.
    pub(crate) fn sent(&self, line: &str) -> Vec<Request> {
        let mut sent = self.sent.lock().expect("nobody panics").clone();
        sent.retain(|request| request.line.starts_with(line));
        sent
    }
}

impl Drop for Interceptor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, which the driver uses for one request.
async fn pass(mut client: UnixStream, incus: PathBuf, decides: impl FnOnce(Request) -> Fate) {
    let Some((bytes, request)) = read(&mut client).await else {
        return;
    };
    let path = request
        .line
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .to_owned();
    let answer = match decides(request) {
        Fate::Answered(answer) => answer,
        Fate::Retold(retold) => {
            let http = reqwest::Client::builder().unix_socket(incus);
            let http = http.build().expect("builds");
            let asked = http.get(format!("http://incus{path}")).send().await;
            let mut answer = asked.expect("answers").json().await.expect("is JSON");
            retold(&mut answer);
            answer
        }
        Fate::PassedOn => {
            let mut server = UnixStream::connect(&incus).await.expect("Incus answers");
            server.write_all(&bytes).await.expect("is passed on");
            // It ends in an error where one side is gone, as the other one is then.
            drop(copy_bidirectional(&mut client, &mut server).await);
            return;
        }
    };
    let body = answer.to_string();
    let code = answer["error_code"].as_u64().filter(|code| *code > 0);
    let code = code.unwrap_or(200);
    let head = format!(
        "HTTP/1.1 {code} Told\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // Whoever asked may be gone.
    drop(client.write_all((head + &body).as_bytes()).await);
}

/// A request, whole; `None` where the connection ends before.
async fn read(client: &mut UnixStream) -> Option<(Vec<u8>, Request)> {
    let mut bytes = Vec::new();
    let body_at = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        client
            .read_buf(&mut bytes)
            .await
            .ok()
            .filter(|read| *read > 0)?;
    };
    let head = String::from_utf8_lossy(&bytes[..body_at]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().expect("is a number"));
    while bytes.len() < body_at + length {
        client
            .read_buf(&mut bytes)
            .await
            .ok()
            .filter(|read| *read > 0)?;
    }
    let first = String::from_utf8_lossy(&bytes[..body_at]).into_owned();
    let line = first
        .lines()
        .next()?
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let body = serde_json::from_slice(&bytes[body_at..body_at + length]).unwrap_or_default();
    Some((bytes, Request { line, body }))
}
