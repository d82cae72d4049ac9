//! Load: as many requests as so many connections get answered, one after the other on each.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

/// What is asked, and where.
#[derive(Clone)]
pub(crate) struct Target {
    at: At,
    path: String,
    token: Option<String>,
}

#[derive(Clone)]
enum At {
    Tcp(String),
    Unix(String),
}

/// What a round came to.
pub(crate) struct Load {
    /// Answers a second.
    pub(crate) per_second: f64,
    /// How long 99 of 100 requests took at most.
    pub(crate) p99: Duration,
}

// === impl Target ===

impl Target {
    pub(crate) fn tcp(address: &str, path: &str, token: Option<&str>) -> Self {
        Self {
            at: At::Tcp(address.to_owned()),
            path: path.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    pub(crate) fn unix(socket: &str, path: &str) -> Self {
        Self {
            at: At::Unix(socket.to_owned()),
            path: path.to_owned(),
            token: None,
        }
    }

    fn request(&self) -> Request<Empty<Bytes>> {
        let mut request = Request::get(&self.path).header("Host", "localhost");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.body(Empty::new()).expect("a request")
    }

    async fn ask_until(self, end: Instant) -> Vec<Duration> {
        match &self.at {
            At::Tcp(address) => {
                let stream = TcpStream::connect(address).await.expect("it listens");
                stream.set_nodelay(true).expect("a socket");
                self.ask_on(stream, end).await
            }
            At::Unix(socket) => {
                let stream = UnixStream::connect(socket).await.expect("it listens");
                self.ask_on(stream, end).await
            }
        }
    }

    async fn ask_on(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        end: Instant,
    ) -> Vec<Duration> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("a connection");
        tokio::spawn(connection);
        let mut times = Vec::new();
        while Instant::now() < end {
            let began = Instant::now();
            sender.ready().await.expect("it is kept open");
            let answer = sender
                .send_request(self.request())
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            let mut body = answer.into_body();
            while let Some(frame) = body.frame().await {
                frame.expect("the whole body");
            }
            times.push(began.elapsed());
        }
        times
    }
}

/// Asks on so many connections for so long.
pub(crate) async fn load(target: &Target, connections: usize, how_long: Duration) -> Load {
    let began = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..connections {
        all.spawn(target.clone().ask_until(began + how_long));
    }
    let mut times: Vec<_> = all.join_all().await.into_iter().flatten().collect();
    let took = began.elapsed();
    times.sort();
    #[expect(clippy::cast_precision_loss, reason = "not so many")]
    let per_second = times.len() as f64 / took.as_secs_f64();
    Load {
        per_second,
        p99: times[times.len() * 99 / 100],
    }
}
