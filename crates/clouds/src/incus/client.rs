//! Calls to one Incus server: the connection, the addresses, the envelope around every answer.
//!
//! Used by all verbs of the driver. What must stay true: each call takes a permit of the budget; nothing is sent twice
//! (the runner decides about that); redirects and proxies are not followed, so that only the server that was named is
//! spoken to; an answer is never read beyond a bound.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::options::{Endpoint, Options};
use super::wire::{Envelope, Server};
use super::{errors, tls};
use crate::budget::{Budget, Permit};
use crate::cloud::{CloudError, CloudResult, ErrorClass};
use crate::http;
use crate::registry::Settings;

/// For calls that Incus answers at once. Changing a size or the tags is among them, and may take some seconds.
const CALL_LIMIT: Duration = Duration::from_mins(1);

/// Shared by cloning.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    project: String,
    budget: Budget,
    server: Arc<OnceCell<Server>>,
}

/// What Incus answered.
pub(super) enum Answer {
    /// The result itself.
    Done(Value),
    /// A background operation was made, which is described here.
    Began(Value),
}

// === impl Client ===

impl Client {
    pub(super) fn new(options: &Options, settings: &Settings) -> CloudResult<Self> {
        let builder = http::client();
        let builder = if options.public_only {
            builder.dns_resolver(Arc::new(crate::outgoing::PublicOnly))
        } else {
            builder
        };
        let builder = match &options.endpoint {
            // One connection a call. A pool opens connections ahead and may leave one unused; Incus waits on its
            // socket for the first byte of each connection before it takes up the next, so that a silent one would
            // stop everybody on this machine until it is closed.
            Endpoint::Unix(path) => builder.unix_socket(path.clone()).pool_max_idle_per_host(0),
            Endpoint::Https(_) => {
                let field = |name: &str| settings.credentials.get(name).filter(|pem| is_given(pem));
                let ours =
                    |name| field(name).ok_or_else(|| rejected(&format!("{name} is missing")));
                let (certificate, key) = (ours("client_certificate")?, ours("client_key")?);
                tls::configure(builder, certificate, key, field("server_certificate"))?
            }
        };
        let http = builder
            .build()
            .map_err(|error| rejected(&format!("the connection can't be set up: {error}")))?;
        Ok(Self {
            http,
            base: options.endpoint.base()?,
            project: options.project.clone(),
            budget: settings.budget.clone(),
            server: Arc::default(),
        })
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> CloudResult<T> {
        self.query(path, &[]).await
    }

    /// Reads something, with parameters.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        path: &[&str],
        parameters: &[(&str, &str)],
    ) -> CloudResult<T> {
        let url = self.url(path, parameters);
        match self.send(Method::GET, url, None).await? {
            Answer::Done(value) | Answer::Began(value) => parsed(value),
        }
    }

    /// Changes something.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &[&str],
        parameters: &[(&str, &str)],
        body: Option<&Value>,
    ) -> CloudResult<Answer> {
        self.send(method, self.url(path, parameters), body).await
    }

    /// Writes a file of root's inside an instance, which need not run; what was in it before is gone.
    pub(super) async fn write_file(
        &self,
        id: &str,
        file: &str,
        content: &'static str,
    ) -> CloudResult<()> {
        let url = self.url(&["instances", id, "files"], &[("path", file)]);
        let request = self.http.post(url).body(content);
        let headers = [
            ("X-Incus-type", "file"),
            ("X-Incus-write", "overwrite"),
            ("X-Incus-uid", "0"),
            ("X-Incus-gid", "0"),
            ("X-Incus-mode", "0444"),
        ];
        let request = headers.into_iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        self.carry(request, true).await.map(drop)
    }

    /// Reads the end of an operation, however long it takes, and doesn't hold its permit for that long: a wait costs
    /// Incus nothing, and would keep other calls from their turn.
    pub(super) async fn wait_for<T: DeserializeOwned>(&self, operation: &str) -> CloudResult<T> {
        let url = self.url(&["operations", operation, "wait"], &[]);
        let permit = self.permit().await;
        let response = self.http.get(url).send().await;
        drop(permit);
        let response = response.map_err(|error| errors::unanswered(error, true))?;
        match envelope(response, true).await? {
            Answer::Done(value) | Answer::Began(value) => parsed(value),
        }
    }

    /// Reads something that is no JSON.
    pub(super) async fn text(&self, path: &[&str]) -> CloudResult<String> {
        let permit = self.permit().await;
        let request = self.http.get(self.url(path, &[])).timeout(CALL_LIMIT);
        let response = request
            .send()
            .await
            .map_err(|error| errors::unanswered(error, false))?;
        if !response.status().is_success() {
            return match envelope(response, false).await {
                Err(error) => Err(error),
                Ok(_) => Err(nonsense("an error without an error")),
            };
        }
        let body = http::body(errors::CLOUD, response, false).await?;
        drop(permit);
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// What the server is and can do; asked once, and only remembered when it trusts us.
    pub(super) async fn server(&self) -> CloudResult<&Server> {
        self.server.get_or_try_init(|| self.ask_server()).await
    }

    /// What the server is and can do, asked now.
    pub(super) async fn ask_server(&self) -> CloudResult<Server> {
        let server: Server = self.get(&[]).await?;
        if server.auth == "trusted" {
            Ok(server)
        } else {
            Err(CloudError::new(
                ErrorClass::Auth,
                "the Incus server doesn't trust this client certificate: add it there with `incus config trust add-certificate`",
            ))
        }
    }

    /// Whether the server's API has that extension.
    pub(super) async fn can(&self, extension: &str) -> CloudResult<bool> {
        Ok(self
            .server()
            .await?
            .api_extensions
            .iter()
            .any(|known| known == extension))
    }

    /// An address below `/1.0`; every part is encoded, so none can leave its place.
    pub(super) fn url(&self, path: &[&str], parameters: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("1.0").extend(path);
        }
        url.query_pairs_mut()
            .append_pair("project", &self.project)
            .extend_pairs(parameters);
        url
    }

    /// The turn for one call.
    pub(super) async fn permit(&self) -> Permit {
        self.budget.take().await
    }

    /// The connection, for `socket`.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> CloudResult<Answer> {
        let changes = method != Method::GET;
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.carry(request, changes).await
    }

    async fn carry(&self, request: RequestBuilder, changes: bool) -> CloudResult<Answer> {
        let permit = self.permit().await;
        let response = request
            .timeout(CALL_LIMIT)
            .send()
            .await
            .map_err(|error| errors::unanswered(error, changes))?;
        let answer = envelope(response, changes).await;
        drop(permit);
        answer
    }
}

/// Opens the envelope. Its own code counts, not HTTP's: Incus begins the answer to a wait before it knows the end.
pub(super) async fn envelope(response: Response, changes: bool) -> CloudResult<Answer> {
    let status = response.status().as_u16();
    let retry_after = http::retry_after(response.headers());
    let body = http::body(errors::CLOUD, response, changes).await?;
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&body) else {
        return Err(if status >= 400 {
            errors::refused(status, "", retry_after)
        } else {
            errors::lost("the answer is not that of an Incus server", changes)
        });
    };
    match envelope.kind.as_str() {
        "sync" => Ok(Answer::Done(envelope.metadata)),
        "async" => Ok(Answer::Began(envelope.metadata)),
        _ => {
            let code = if envelope.error_code == 0 {
                status
            } else {
                envelope.error_code
            };
            Err(errors::refused(code, &envelope.error, retry_after))
        }
    }
}

/// Reads what Incus sent as what it should be.
pub(super) fn parsed<T: DeserializeOwned>(value: Value) -> CloudResult<T> {
    serde_json::from_value(value).map_err(|error| nonsense(&error.to_string()))
}

fn nonsense(what: &str) -> CloudError {
    CloudError::new(
        ErrorClass::Unavailable,
        format!("the answer of the Incus server can't be read: {what}"),
    )
}

fn is_given(pem: &SecretString) -> bool {
    !pem.expose_secret().trim().is_empty()
}

fn rejected(message: &str) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::credentials::Credentials;
    use futures::future::join_all;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::watch;

    use super::*;

    /// Answers each request on a connection, and says how many connections are open and have never spoken.
    async fn answer(
        mut stream: UnixStream,
        silent: watch::Sender<usize>,
        served: Arc<AtomicUsize>,
    ) {
        let answer = json!({ "type": "sync", "metadata": {} }).to_string();
        let mut request = [0; 4096];
        let mut spoken = false;
        while let Ok(read @ 1..) = stream.read(&mut request).await {
            if !std::mem::replace(&mut spoken, true) {
                silent.send_modify(|silent| *silent -= 1);
            }
            if !request[..read].ends_with(b"\r\n\r\n") {
                continue;
            }
            served.fetch_add(1, Ordering::Relaxed);
            let length = answer.len();
            let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{answer}");
            if stream.write_all(reply.as_bytes()).await.is_err() {
                break;
            }
        }
        if !spoken {
            silent.send_modify(|silent| *silent -= 1);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_connection_to_a_unix_socket_stays_open_unused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).expect("bound");
        let (silent, mut watched) = watch::channel(0);
        let served = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&served);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                silent.send_modify(|silent| *silent += 1);
                tokio::spawn(answer(stream, silent.clone(), Arc::clone(&counted)));
            }
        });
        let options = json!({ "url": format!("unix://{}", path.display()), "local": true });
        let settings = Settings {
            region: "local".to_owned(),
            options: options.as_object().cloned().expect("an object"),
            credentials: Credentials::default(),
            budget: Budget::default(),
        };
        let options = Options::read(&settings).expect("valid");
        // Calls that begin while others end, on a client that has no connection yet: that is when a pool opens one too
        // many.
        let mut clients = Vec::new();
        for _ in 0..200 {
            let client = Client::new(&options, &settings).expect("a client");
            let caller = |_| {
                let client = client.clone();
                tokio::spawn(async move {
                    for _ in 0..3 {
                        client.get::<Value>(&["instances"]).await.expect("answered");
                    }
                })
            };
            for ended in join_all((0..6).map(caller)).await {
                ended.expect("every call is answered");
            }
            // What a client that is dropped closes, one that lives on keeps.
            clients.push(client);
        }

        let none = watched.wait_for(|silent| *silent == 0);
        tokio::time::timeout(Duration::from_secs(5), none)
            .await
            .expect("no connection is left that never spoke")
            .expect("the server lives");
        assert_eq!(served.load(Ordering::Relaxed), 200 * 6 * 3);
    }
}
