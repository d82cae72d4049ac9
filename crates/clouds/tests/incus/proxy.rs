//! A way to Incus that loses some of what is sent over it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clouds::Cloud;
use domain::credentials::Credentials;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::rig::{Raw, local, open};

/// What is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The requests themselves.
    Requests,
    /// The answers to them.
    Answers,
}

/// A socket that passes everything on to Incus and back, but for what it loses.
pub(crate) struct Proxy {
    /// The driver, on that socket.
    pub(crate) cloud: Arc<dyn Cloud>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Proxy {
    /// Loses the requests whose first lines `loses` picks, or the answers to them.
    pub(crate) fn that_loses(
        raw: &Raw,
        what: Lost,
        loses: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        let socket = folder.path().join("incus.socket");
        let listener = UnixListener::bind(&socket).expect("binds");
        let (incus, loses) = (raw.socket.clone(), Arc::new(loses));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, incus.clone(), what, Arc::clone(&loses)));
            }
        });
        Self {
            cloud: open(local(&socket), Credentials::default()).expect("opens"),
            task,
            _folder: folder,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, which the driver uses for one request.
async fn pass(
    client: UnixStream,
    incus: PathBuf,
    what: Lost,
    loses: Arc<impl Fn(&str) -> bool + Send + Sync>,
) {
    let server = UnixStream::connect(&incus).await.expect("Incus answers");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_lost = Arc::new(AtomicBool::new(false));
    let known = Arc::clone(&is_lost);
    let requests = async move {
        let mut buffer = [0; 16 << 10];
        let mut is_first = true;
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            if std::mem::take(&mut is_first) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                let lost = loses(text.lines().next().unwrap_or_default());
                if lost && what == Lost::Requests {
                    return;
                }
                known.store(lost, Ordering::SeqCst);
            }
            to_server
                .write_all(&buffer[..length])
                .await
                .expect("is passed on");
        }
    };
    let answers = async move {
        let mut buffer = [0; 16 << 10];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            if is_lost.load(Ordering::SeqCst)
                || to_client.write_all(&buffer[..length]).await.is_err()
            {
                return;
            }
        }
    };
    // When one side ends, both connections are dropped.
    tokio::select! { () = requests => {}, () = answers => {} }
}
