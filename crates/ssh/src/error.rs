//! The classes of SSH errors: what the caller should do next.
//!
//! Made by [`Session`](crate::Session) alone. What must stay true: a class is chosen by what helps the caller, not
//! by where the fault arose, and a message never holds a secret.

use std::fmt;
use std::time::Duration;

use russh::AlgorithmKind;

/// What an SSH error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The host doesn't answer, or the connection broke: try again. A command may have run.
    Unreachable,
    /// The host doesn't let this user in with this key.
    AuthRefused,
    /// The host shows another key than the pinned one.
    HostKeyChanged,
    /// The time that the caller allowed is over.
    TimedOut,
    /// Anything else; trying again will not help.
    Failed,
}

/// An SSH error: its class, and words that a user may read.
#[derive(Debug, Clone)]
pub struct SshError {
    /// What it means for the caller.
    pub class: ErrorClass,
    /// What happened, and what to do where something can be done.
    pub message: String,
}

// === impl SshError ===

impl SshError {
    pub(crate) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }

    pub(crate) fn unreachable(peer: &str, reason: impl fmt::Display) -> Self {
        Self::new(
            ErrorClass::Unreachable,
            format!("{peer} can't be reached by SSH: {reason}"),
        )
    }

    pub(crate) fn timed_out(what: &str, limit: Duration) -> Self {
        Self::new(
            ErrorClass::TimedOut,
            format!("{what} took longer than {} s", limit.as_secs_f32()),
        )
    }

    pub(crate) fn host_key_changed(peer: &str, seen: Option<&str>) -> Self {
        let seen = seen
            .and_then(|line| crate::keys::sha256_fingerprint(line).ok())
            .map_or_else(String::new, |fingerprint| format!(" (now {fingerprint})"));
        Self::new(
            ErrorClass::HostKeyChanged,
            format!(
                "the SSH host key of {peer} is not the one that was seen first{seen}. Either the system was \
                 reinstalled by hand or somebody else answers at this address; nothing was sent to it. If the \
                 change is yours, rebuild the server through Arcus or remove it and make it anew"
            ),
        )
    }

    /// A fault of the connection, or of the protocol on it.
    pub(crate) fn from_russh(
        peer: &str,
        pinned: bool,
        seen: Option<&str>,
        error: &russh::Error,
    ) -> Self {
        use russh::Error as E;
        match error {
            E::UnknownKey => Self::host_key_changed(peer, seen),
            // Only the pinned key's algorithm is asked for, so a host without it has lost that key.
            E::NoCommonAlgo {
                kind: AlgorithmKind::Key,
                ..
            } if pinned => Self::host_key_changed(peer, seen),
            E::NoCommonAlgo { .. }
            | E::Keys(_)
            | E::SshKey(_)
            | E::WrongServerSig
            | E::ChannelOpenFailure(_)
            | E::RequestDenied
            | E::UnsupportedAuthMethod
            | E::NoAuthMethod => {
                Self::new(ErrorClass::Failed, format!("SSH to {peer} failed: {error}"))
            }
            // A host that is starting, stopping or overloaded breaks a connection in many ways.
            _ => Self::unreachable(peer, error),
        }
    }
}

impl fmt::Display for SshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SshError {}
