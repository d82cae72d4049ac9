//! The public keys that an organisation keeps, to let them into its new servers.

use crate::time::Timestamp;

/// A public key of an organisation's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// What people read; unique within the organisation.
    pub name: String,
    /// In OpenSSH's one-line format, with its comment.
    pub public_key: String,
    /// MD5, colon-separated; unique within the organisation.
    pub fingerprint: String,
    /// When it was added.
    pub created_at: Timestamp,
}
