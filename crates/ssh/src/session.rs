//! One connection to one server: connect, run, upload.
//!
//! Called by whatever works inside a server. What must stay true: with a pinned host key nothing but that key is
//! accepted, and the login key is not even offered to a host that shows another; every call ends within its time.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use russh::client::{self, AuthResult};
use russh::keys::{PrivateKeyWithHashAlg, PublicKey, decode_secret_key};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Sig};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::capture::{Capture, Output};
use crate::error::{ErrorClass, SshError};
use crate::host_key::{self, HostKeyCheck};

/// A host that is not up yet swallows packets; a new try is quicker than the kernel's own, ever slower repeats.
const TCP_CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long the end of the output is waited for after a command's exit, for one that left a child with its pipes.
const AFTER_EXIT_LIMIT: Duration = Duration::from_secs(1);

/// How long an upload may take before the connection counts as stuck.
const UPLOAD_LIMIT: Duration = Duration::from_mins(2);

/// Where to connect, as whom, and which host to expect.
#[derive(Debug, Clone)]
pub struct Target {
    /// An IP address or a host name.
    pub address: String,
    /// The port of its SSH server.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The user's Ed25519 private key, as OpenSSH's or PKCS#8's PEM.
    pub key: SecretString,
    /// The host's public key (`ssh-ed25519 AAAA...`), once it was seen; `None` accepts any, for the first contact.
    pub host_key: Option<String>,
}

/// An open connection. Dropping it closes it.
pub struct Session {
    handle: client::Handle<HostKeyCheck>,
    peer: String,
    host_key: String,
    root: bool,
}

/// `text` as one word of a POSIX shell, whatever is in it.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

// === impl Session ===

impl Session {
    /// Connects and logs in within `limit`.
    pub async fn connect(target: &Target, limit: Duration) -> Result<Self, SshError> {
        let peer = format!("{}:{}", target.address, target.port);
        match timeout(limit, Self::open(target, &peer)).await {
            Ok(result) => result,
            Err(_) => Err(SshError::timed_out(
                &format!("connecting to {peer} by SSH"),
                limit,
            )),
        }
    }

    async fn open(target: &Target, peer: &str) -> Result<Self, SshError> {
        let failed = |message: String| SshError::new(ErrorClass::Failed, message);
        // The parser's own words stay out of the message: they could quote the key.
        let key = decode_secret_key(target.key.expose_secret(), None)
            .map_err(|_| failed("the private key for SSH can't be read".to_owned()))?;
        let pinned = match &target.host_key {
            Some(line) => Some(PublicKey::from_openssh(line).map_err(|error| {
                failed(format!(
                    "the stored SSH host key of {peer} can't be read: {error}"
                ))
            })?),
            None => None,
        };

        let address = (target.address.as_str(), target.port);
        let stream = timeout(TCP_CONNECT_LIMIT, TcpStream::connect(address))
            .await
            .map_err(|_| SshError::unreachable(peer, "no answer"))?
            .map_err(|error| SshError::unreachable(peer, error))?;
        // Without it small messages wait for one another. A failure costs time only.
        let _ = stream.set_nodelay(true);

        let seen = Arc::new(OnceLock::new());
        let is_pinned = pinned.is_some();
        let translate = |error: russh::Error| {
            SshError::from_russh(peer, is_pinned, seen.get().map(String::as_str), &error)
        };
        let config = Arc::new(host_key::config(pinned.as_ref()));
        let check = HostKeyCheck {
            pinned,
            seen: Arc::clone(&seen),
        };
        let mut handle = client::connect_stream(config, stream, check)
            .await
            .map_err(translate)?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        match handle
            .authenticate_publickey(&target.user, key)
            .await
            .map_err(translate)?
        {
            AuthResult::Success => {}
            AuthResult::Failure { .. } => {
                let message = format!("{peer} doesn't let {} in with this key", target.user);
                return Err(SshError::new(ErrorClass::AuthRefused, message));
            }
        }
        let host_key = seen.get().cloned().unwrap_or_default();
        Ok(Self {
            handle,
            peer: peer.to_owned(),
            host_key,
            root: target.user == "root",
        })
    }

    /// The host's public key, to be pinned at the first contact: `ssh-ed25519 AAAA...`, without a comment.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// `command` as root would run it: as it is where root is logged in, through `sudo -n` otherwise.
    pub fn as_root(&self, command: &str) -> String {
        if self.root {
            command.to_owned()
        } else {
            format!("sudo -n -- /bin/sh -c {}", quote(command))
        }
    }

    /// Runs a command by the login shell, with `stdin` as its whole input, and waits for its end.
    ///
    /// `on_line` gets each line of both streams as it comes. A command that exits with another status than 0 is no
    /// error here. After `limit` it gets a TERM signal and is left alone.
    pub async fn run(
        &self,
        command: &str,
        stdin: Option<&[u8]>,
        limit: Duration,
        mut on_line: impl FnMut(&str) + Send,
    ) -> Result<Output, SshError> {
        let deadline = Instant::now() + limit;
        let too_long = || SshError::timed_out(&format!("a command on {}", self.peer), limit);
        let opened = timeout_at(deadline, self.start(command))
            .await
            .map_err(|_| too_long())?;
        let (mut reading, writing) = opened?;

        let write = async {
            // A command may end without having read its input; its status says more than a broken pipe.
            let _ = writing.data(stdin.unwrap_or_default()).await;
            let _ = writing.eof().await;
        };
        let mut write = pin!(write);
        let mut written = false;
        let mut read = pin!(self.read(&mut reading, &mut on_line));
        let ended = timeout_at(deadline, async {
            loop {
                tokio::select! {
                    output = &mut read => break output,
                    () = &mut write, if !written => written = true,
                }
            }
        });
        if let Ok(output) = ended.await {
            return output;
        }
        // Best effort on a connection that may be stuck: the caller has waited long enough.
        let stop = async {
            let _ = writing.signal(Sig::TERM).await;
            let _ = writing.close().await;
        };
        let _ = timeout(AFTER_EXIT_LIMIT, stop).await;
        Err(too_long())
    }

    /// Writes a file as root: all of it or nothing, with its final mode from the first byte on.
    pub async fn upload(&self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), SshError> {
        let path = quote(path);
        let mode = mode & 0o7777;
        let command = self.as_root(&format!(
            "umask 077; t=$(mktemp {path}.XXXXXXXX) && cat >\"$t\" && [ \"$(wc -c <\"$t\")\" -eq {} ] && \
             chmod {mode:o} \"$t\" && mv -f \"$t\" {path} || {{ rm -f \"$t\"; exit 1; }}",
            bytes.len()
        ));
        let output = self
            .run(&command, Some(bytes), UPLOAD_LIMIT, |_| ())
            .await?;
        if output.success() {
            Ok(())
        } else {
            let reason = output.stderr.trim();
            let message = format!("writing {path} on {} failed: {reason}", self.peer);
            Err(SshError::new(ErrorClass::Failed, message))
        }
    }

    /// Says good-bye. Dropping the session does as well, without waiting.
    pub async fn close(self) {
        let bye = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        let _ = timeout(AFTER_EXIT_LIMIT, bye).await;
    }

    async fn start(
        &self,
        command: &str,
    ) -> Result<(ChannelReadHalf, ChannelWriteHalf<client::Msg>), SshError> {
        let translate = |error| SshError::from_russh(&self.peer, true, None, &error);
        let channel = self
            .handle
            .channel_open_session()
            .await
            .map_err(translate)?;
        let (reading, writing) = channel.split();
        writing.exec(true, command).await.map_err(translate)?;
        Ok((reading, writing))
    }

    async fn read(
        &self,
        channel: &mut ChannelReadHalf,
        on_line: &mut (impl FnMut(&str) + Send),
    ) -> Result<Output, SshError> {
        let (mut stdout, mut stderr) = (Capture::default(), Capture::default());
        let mut status = None;
        loop {
            let message = match status {
                None => channel.wait().await,
                Some(_) => timeout(AFTER_EXIT_LIMIT, channel.wait())
                    .await
                    .unwrap_or(None),
            };
            match message {
                Some(ChannelMsg::Data { data }) => stdout.push(&data, &mut *on_line),
                Some(ChannelMsg::ExtendedData { data, .. }) => stderr.push(&data, &mut *on_line),
                Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    status = Some(128 + signal_number(&signal_name));
                }
                Some(ChannelMsg::Failure) => {
                    let message = format!("{} refuses to run commands", self.peer);
                    return Err(SshError::new(ErrorClass::Failed, message));
                }
                None => break,
                Some(_) => {}
            }
        }
        let (stdout, stderr) = (stdout.finish(&mut *on_line), stderr.finish(&mut *on_line));
        match status {
            Some(status) => Ok(Output {
                status,
                stdout,
                stderr,
            }),
            None => Err(SshError::unreachable(
                &self.peer,
                "the connection broke while a command ran",
            )),
        }
    }
}

fn signal_number(signal: &Sig) -> u32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}
