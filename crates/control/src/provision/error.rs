//! Why a server could not be made ready, in words for its owner.
//!
//! Made by the steps of [`install`](super::install). What must stay true: the text names the package that is to
//! blame, where one is, and ends with what the server itself printed last.

use std::fmt;

use ssh::{ErrorClass, SshError};

/// Why a server could not be made ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The caller called it off.
    Cancelled,
    /// The time is over.
    TimedOut,
    /// It doesn't answer by SSH.
    Unreachable,
    /// It answers and doesn't let us in.
    AuthRefused,
    /// It shows another host key than the pinned one.
    HostKeyChanged,
    /// This package could not be installed, or doesn't work.
    Package(String),
    /// The system did not come up as it should.
    System,
}

/// Why a server could not be made ready, and what it printed last.
#[derive(Debug, Clone)]
pub struct ProvisionError {
    /// For the caller's decisions.
    pub why: Why,
    /// For the server's owner.
    pub message: String,
    /// The last lines that the server printed; up to fifteen.
    pub log: Vec<String>,
    /// The host key, where there was a first contact.
    pub host_key: Option<String>,
}

// === impl ProvisionError ===

impl ProvisionError {
    pub(super) fn new(why: Why, message: impl Into<String>) -> Self {
        Self {
            why,
            message: message.into(),
            log: Vec::new(),
            host_key: None,
        }
    }

    pub(super) fn package(name: &str, what: &str, log: Vec<String>) -> Self {
        Self {
            log,
            ..Self::new(
                Why::Package(name.to_owned()),
                format!("the package {name} {what}"),
            )
        }
    }
}

impl From<SshError> for ProvisionError {
    fn from(error: SshError) -> Self {
        let why = match error.class {
            ErrorClass::Unreachable => Why::Unreachable,
            ErrorClass::AuthRefused => Why::AuthRefused,
            ErrorClass::HostKeyChanged => Why::HostKeyChanged,
            ErrorClass::TimedOut => Why::TimedOut,
            ErrorClass::Failed => Why::System,
        };
        Self::new(why, error.message)
    }
}

impl fmt::Display for ProvisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.log.is_empty() {
            write!(f, "; the last lines of its log:\n{}", self.log.join("\n"))?;
        }
        Ok(())
    }
}

impl std::error::Error for ProvisionError {}
