//! The listener: accepts connections and serves the router on them, within limits.
//!
//! Called by `serve`. `axum::serve` has no limits: a client that never finishes its headers would keep its connection,
//! and enough of them would take every file that the process may open. HTTP/1.1 alone, as ever: a proxy in front speaks
//! HTTP/2 to those who want it.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How many connections are open at once where the process may open files enough.
const CONNECTIONS: usize = 4096;

/// How many where it can't be told how many files that is.
const FEWER_CONNECTIONS: usize = 512;

/// How long a client may take for the headers of a request, from the connection's start or the last answer on. Longer
/// than proxies keep a connection that is idle, which would otherwise send a request into one that is just being closed.
const HEADERS: Duration = Duration::from_secs(75);

/// The rest after a connection could not be accepted; by then a file may be free again.
const REST: Duration = Duration::from_secs(1);

/// What one listener grants.
pub(crate) struct Limits {
    /// How many connections are open at once. Further ones wait in the kernel's queue.
    pub(crate) connections: usize,
    /// How many of them one peer may have. Further ones are closed.
    pub(crate) of_one_peer: usize,
    /// How long a client may take for the headers of a request.
    pub(crate) headers: Duration,
}

// === impl Limits ===

impl Limits {
    /// The limits of this process, which opens as many files as the system lets it.
    pub(crate) fn of_this_process() -> Self {
        let files = rlimit::increase_nofile_limit(u64::MAX).ok();
        let files = files.and_then(|files| usize::try_from(files).ok());
        // The other half is for the database, the clouds and SSH: callers must not take it from them.
        let connections =
            files.map_or(FEWER_CONNECTIONS, |files| (files / 2).clamp(1, CONNECTIONS));
        Self {
            connections,
            of_one_peer: (connections / 8).max(1),
            headers: HEADERS,
        }
    }
}

/// How many connections each peer has open. A proxy on this machine speaks for many, and is not counted.
#[derive(Default)]
struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// One connection of a peer.
struct OfPeer {
    peers: Arc<Peers>,
    peer: Option<IpAddr>,
}

// === impl Peers ===

impl Peers {
    /// `None` when the peer has as many as it may.
    fn enter(self: &Arc<Self>, peer: IpAddr, most: usize) -> Option<OfPeer> {
        let peers = Arc::clone(self);
        if peer.is_loopback() {
            return Some(OfPeer { peers, peer: None });
        }
        // Who has an IPv6 address has a network of them.
        let peer = match peer {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
            IpAddr::V4(_) => peer,
        };
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(OfPeer {
            peers,
            peer: Some(peer),
        })
    }
}

impl Drop for OfPeer {
    fn drop(&mut self) {
        let Some(peer) = self.peer else { return };
        let mut open = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&peer);
            }
        }
    }
}

/// Serves until told to stop; then nothing more is accepted, and it returns when the last open request is answered.
///
/// A request finds its peer in its extensions as `ConnectInfo<SocketAddr>`, and the address of the listener as
/// `SocketAddr`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let address = listener.local_addr().ok();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers);
    let places = Arc::new(Semaphore::new(limits.connections));
    let peers = Arc::new(Peers::default());
    let open = GracefulShutdown::new();
    let router = TowerToHyperService::new(router);
    loop {
        let (stream, peer, place) = tokio::select! {
            next = next(&listener, &places) => next,
            () = stop.cancelled() => break,
        };
        let Some(of_peer) = peers.enter(peer.ip(), limits.of_one_peer) else {
            tracing::debug!(%peer, "too many connections of one peer; this one is closed");
            continue;
        };
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let extensions = request.extensions_mut();
            extensions.insert(ConnectInfo(peer));
            if let Some(address) = address {
                extensions.insert::<SocketAddr>(address);
            }
            router.call(request)
        });
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // A client that went away or was too slow is nothing to look into.
                tracing::debug!(%error, %peer, "a connection broke off");
            }
            drop((place, of_peer));
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    if places.available_permits() == 0 {
        tracing::warn!("all connections are taken; new ones wait");
    }
    // Fails only when the semaphore is closed, which nobody does.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; trying again in a second");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// The client gave up while it waited: no reason to rest.
fn is_of_one_connection(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A whole request after which the server keeps the connection open.
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        task: JoinHandle<()>,
    }

    impl Served {
        async fn start(router: Router, limits: Limits) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("its address");
            let stop = CancellationToken::new();
            let task = tokio::spawn(serve(listener, router, limits, stop.clone()));
            Self {
                address,
                stop,
                task,
            }
        }

        /// A connection on which this was sent.
        async fn send(&self, bytes: &[u8]) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.expect("connected");
            stream.write_all(bytes).await.expect("sent");
            stream
        }
    }

    fn limits(connections: usize, headers: Duration) -> Limits {
        Limits {
            connections,
            of_one_peer: connections,
            headers,
        }
    }

    fn hello() -> Router {
        Router::new().route("/", get(|| async { "hello" }))
    }

    async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
        let Ok(done) = tokio::time::timeout(PATIENCE, future).await else {
            panic!("waited in vain for {what}")
        };
        done
    }

    /// Reads up to the end of "hello".
    async fn read_hello(stream: &mut TcpStream) {
        let mut read = Vec::new();
        while !read.ends_with(b"hello") {
            let byte = stream.read_u8().await.expect("an answer");
            read.push(byte);
        }
    }

    async fn assert_disconnected_after(bytes: &[u8]) {
        let served = Served::start(hello(), limits(10, Duration::from_millis(100))).await;
        let mut stream = served.send(bytes).await;
        let mut rest = Vec::new();
        let end = soon("the end", stream.read_to_end(&mut rest)).await;
        end.expect("the connection is closed in good order");
        assert!(!String::from_utf8_lossy(&rest).contains("hello"));
    }

    #[tokio::test]
    async fn a_client_that_never_finishes_its_headers_is_disconnected() {
        assert_disconnected_after(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
    }

    #[tokio::test]
    async fn a_client_that_sends_nothing_is_disconnected() {
        assert_disconnected_after(b"").await;
    }

    #[tokio::test]
    async fn a_client_that_sends_no_second_request_is_disconnected() {
        let served = Served::start(hello(), limits(10, Duration::from_millis(100))).await;
        let mut stream = served.send(REQUEST).await;
        soon("the answer", read_hello(&mut stream)).await;
        let end = soon("the end", stream.read(&mut [0; 1])).await;
        assert_eq!(end.expect("closed in good order"), 0);
    }

    #[tokio::test]
    async fn a_connection_too_many_waits_until_another_ends() {
        let served = Served::start(hello(), limits(1, PATIENCE)).await;
        let mut first = served.send(REQUEST).await;
        soon("the answer", read_hello(&mut first)).await;
        let mut second = served.send(REQUEST).await;
        let early = tokio::time::timeout(Duration::from_millis(200), read_hello(&mut second));
        assert!(early.await.is_err(), "it was answered beside the first");
        drop(first);
        soon("the answer", read_hello(&mut second)).await;
    }

    #[tokio::test]
    async fn an_open_request_is_answered_after_the_stop_and_an_idle_connection_is_closed() {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (has_begun, may_go) = (Arc::clone(&begun), Arc::clone(&go));
        let slow = move || async move {
            has_begun.notify_one();
            may_go.notified().await;
            "hello"
        };
        let router = hello().route("/slow", get(slow));
        let served = Served::start(router, limits(10, PATIENCE)).await;
        let mut idle = served.send(REQUEST).await;
        soon("the answer", read_hello(&mut idle)).await;
        let mut open = served
            .send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        soon("the request", begun.notified()).await;
        served.stop.cancel();
        let end = soon("the end", idle.read(&mut [0; 1])).await;
        assert_eq!(end.expect("closed in good order"), 0);
        assert!(!served.task.is_finished(), "it waits for the open request");
        go.notify_one();
        soon("the answer", read_hello(&mut open)).await;
        soon("the listener", served.task)
            .await
            .expect("it ended well");
    }

    #[tokio::test]
    async fn a_request_knows_its_peer_and_the_listener() {
        let tell = |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| async move {
            let listener = request.extensions().get::<SocketAddr>().copied();
            format!("{peer} {listener:?} hello")
        };
        let router = Router::new().route("/", get(tell));
        let served = Served::start(router, limits(10, PATIENCE)).await;
        let mut stream = served
            .send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await;
        let own = stream.local_addr().expect("its address");
        let mut text = String::new();
        soon("the answer", stream.read_to_string(&mut text))
            .await
            .expect("an answer");
        let expected = format!("{own} {:?} hello", Some(served.address));
        assert!(text.ends_with(&expected), "{text}");
    }

    #[test]
    fn one_peer_has_its_share_of_the_connections_and_no_more() {
        let peers = Arc::new(Peers::default());
        let peer = |text: &str| text.parse::<IpAddr>().expect("an address");
        let enter = |text| peers.enter(peer(text), 2);
        let (first, second) = (enter("192.0.2.1"), enter("192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some());
        drop(first);
        assert!(
            enter("192.0.2.1").is_some(),
            "a place that was left is free"
        );
        let network = [enter("2001:db8::1"), enter("2001:db8::2")];
        assert!(network.iter().all(Option::is_some));
        assert!(enter("2001:db8::3").is_none(), "one network is one peer");
        let proxy: Vec<_> = (0..10).map(|_| enter("127.0.0.1")).collect();
        assert!(proxy.iter().all(Option::is_some));
    }
}
