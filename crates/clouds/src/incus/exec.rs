//! Running a command inside an instance.
//!
//! Called by `password` and `disk`. What is secret goes over the command's standard input: a command line would be seen by
//! everyone inside. What must stay true: however much a command prints, only the beginning is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::client::parsed;
use super::operations::begun;
use super::socket::Socket;
use super::{Incus, errors, names};
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

const LONGEST_OUTPUT: usize = 2000;

/// How a command ended.
pub(super) struct Ended {
    pub(super) code: i64,
    /// What it printed.
    pub(super) output: String,
    /// What it printed as errors.
    pub(super) complaint: String,
}

/// What Incus tells of a command that waits for its input.
#[derive(Deserialize)]
struct Waiting {
    /// The secrets that open its standard input, output and errors, by number.
    fds: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Result {
    #[serde(rename = "return")]
    code: i64,
}

// === impl Incus ===

impl Incus {
    /// Runs a command as root, and waits for its end for so long at the most.
    pub(super) async fn exec(
        &self,
        at: &InstanceRef,
        command: &[&str],
        input: &SecretString,
        limit: Duration,
    ) -> CloudResult<Ended> {
        let ended = tokio::time::timeout(limit, self.run_inside(at, command, input, limit)).await;
        ended.unwrap_or_else(|_| Err(errors::lost("the command did not end", true)))
    }

    async fn run_inside(
        &self,
        at: &InstanceRef,
        command: &[&str],
        input: &SecretString,
        limit: Duration,
    ) -> CloudResult<Ended> {
        let path = ["instances", names::checked(at)?, "exec"];
        let body = json!({ "command": command, "interactive": false, "wait-for-websocket": true });
        let answer = self
            .client
            .change(Method::POST, &path, &[], Some(&body))
            .await?;
        let operation = begun(answer)?.ok_or_else(|| rejected("Incus ran nothing"))?;
        let waiting: Waiting = parsed(operation.metadata.clone())?;
        let open = |number: &'static str| {
            let secret = waiting.fds.get(number).map_or("", String::as_str);
            let path = ["operations", operation.id.as_str(), "websocket"];
            async move { self.client.socket(&path, &[("secret", secret)]).await }
        };
        // The command begins when all three are open.
        let (mut stdin, mut stdout, mut stderr) =
            tokio::try_join!(open("0"), open("1"), open("2"))?;
        let (output, complaint, ended) = tokio::join!(
            async {
                send(&mut stdin, input).await;
                read(&mut stdout).await
            },
            read(&mut stderr),
            self.client.finish(&operation, limit),
        );
        let Result { code } = parsed(ended?.metadata)?;
        Ok(Ended {
            code,
            output,
            complaint,
        })
    }
}

/// Sends all of the input, and the empty text that Incus takes for its end. A command that ends without reading it is
/// no failure of ours: its code says what it thought.
async fn send(stdin: &mut Socket, input: &SecretString) {
    let input = Bytes::copy_from_slice(input.expose_secret().as_bytes());
    if stdin.feed(Message::Binary(input)).await.is_ok() {
        let _ = stdin.send(Message::text("")).await;
    }
}

/// Reads to the end, and keeps the beginning.
async fn read(socket: &mut Socket) -> String {
    let mut text = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Binary(bytes) => {
                let room = LONGEST_OUTPUT.saturating_sub(text.len());
                text.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Message::Text(_) | Message::Close(_) => break,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn rejected(message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}
