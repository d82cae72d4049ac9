//! Running a command inside an instance, which is how a password is set.
//!
//! The password goes over the command's standard input: a command line would be seen by everyone inside. What must stay
//! true: only names and passwords that can't become a second line of that input get there, and no password gets into an
//! error.

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

const LIMIT: Duration = Duration::from_mins(1);
const LONGEST_COMPLAINT: usize = 2000;

/// How a command ended.
struct Ended {
    code: i64,
    complaint: String,
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
    pub(super) async fn change_password(
        &self,
        at: &InstanceRef,
        user: &str,
        password: &SecretString,
    ) -> CloudResult<()> {
        check(user, password.expose_secret())?;
        let line = SecretString::from(format!("{user}:{}\n", password.expose_secret()));
        let ended = tokio::time::timeout(LIMIT, self.exec(at, &["chpasswd"], &line)).await;
        let ended = ended.unwrap_or_else(|_| Err(errors::lost("the command did not end", true)))?;
        if ended.code == 0 {
            return Ok(());
        }
        let complaint = ended
            .complaint
            .replace(password.expose_secret(), "(password)");
        Err(rejected(format!(
            "the system did not take the password: {}",
            complaint.trim()
        )))
    }

    async fn exec(
        &self,
        at: &InstanceRef,
        command: &[&str],
        input: &SecretString,
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
        let (_, complaint, ended) = tokio::join!(
            async {
                send(&mut stdin, input).await;
                read(&mut stdout).await
            },
            read(&mut stderr),
            self.client.finish(&operation, LIMIT),
        );
        let Result { code } = parsed(ended?.metadata)?;
        Ok(Ended { code, complaint })
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
                let room = LONGEST_COMPLAINT.saturating_sub(text.len());
                text.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Message::Text(_) | Message::Close(_) => break,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn check(user: &str, password: &str) -> CloudResult<()> {
    let harmless =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if user.is_empty() || user.len() > 32 || user.starts_with('-') || !user.bytes().all(harmless) {
        Err(rejected(
            "the name of a user holds 1 to 32 lower-case letters, digits and _ -",
        ))
    } else if password.is_empty() || password.chars().any(char::is_control) {
        Err(rejected(
            "a password is not empty and holds no control characters",
        ))
    } else {
        Ok(())
    }
}

fn rejected(message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_be_a_second_line_reaches_the_command() {
        for (user, password) in [
            ("root\nx", "p"),
            ("root:x", "p"),
            ("", "p"),
            ("-r", "p"),
            ("root", ""),
            ("root", "p\nx:y"),
            ("root", "p\0"),
        ] {
            assert_eq!(
                check(user, password).expect_err("refused").class,
                ErrorClass::Rejected
            );
        }
        assert!(check("root", "pass: word é").is_ok());
    }
}
