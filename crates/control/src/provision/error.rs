//! Why a server could not be made ready, in words for its owner.
//!
//! Made by the steps of [`install`](super::install). What must stay true: the text names the package that is to
//! blame, where one is, and ends with what the server itself printed last.

use std::fmt;

use ssh::SshError;

/// Why a server could not be made ready, and what it printed last.
#[derive(Debug, Clone)]
pub struct ProvisionError {
    /// For the server's owner.
    pub message: String,
    /// The last lines that the server printed; up to fifteen.
    pub log: Vec<String>,
}

// === impl ProvisionError ===

impl ProvisionError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            log: Vec::new(),
        }
    }

    pub(super) fn package(name: &str, what: &str, log: Vec<String>) -> Self {
        Self {
            log,
            ..Self::new(format!("the package {name} {what}"))
        }
    }
}

impl From<SshError> for ProvisionError {
    fn from(error: SshError) -> Self {
        Self::new(error.message)
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
