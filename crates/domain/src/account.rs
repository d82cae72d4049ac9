//! Who uses Arcus: organisations, their users, and what a request comes in as.

use secrecy::SecretString;

use crate::ids::{OrganisationId, PublicId, UserId};
use crate::role::Role;
use crate::time::Timestamp;

/// The owner of everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its key.
    pub id: OrganisationId,
    /// The id that the API shows.
    pub public_id: PublicId,
    /// What people read.
    pub name: String,
    /// Unique; the first part of the names of its servers.
    pub slug: String,
    /// When it registered.
    pub created_at: Timestamp,
}

/// A person.
#[derive(Debug, Clone)]
pub struct User {
    /// Its key.
    pub id: UserId,
    /// Whose member.
    pub organisation_id: OrganisationId,
    /// In lower case, unique.
    pub email: String,
    /// What the user calls itself.
    pub user_name: String,
    /// Argon2id, in PHC's string format.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// When it registered.
    pub created_at: Timestamp,
}

/// Who asks: the result of authentication, carried by every use case.
#[derive(Debug, Clone)]
pub struct Actor {
    /// For whom.
    pub organisation: Organisation,
    /// Who.
    pub user_id: UserId,
    /// The user's name, the second part of the names of its servers.
    pub user_name: String,
    /// What it may do.
    pub role: Role,
    /// Through which API: `cloudhero`, `cloudero`, `cloud66`, `cli`.
    pub facade: &'static str,
    /// The request's id, which every answer carries.
    pub request_id: String,
}

/// Whose hands a key pair is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// The control plane's own; its private key never leaves.
    Control,
    /// The users'; handed out to owners and admins.
    Users,
}

/// An SSH key pair of an organisation.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// The id that the API shows.
    pub public_id: PublicId,
    /// Whose hands it is for.
    pub purpose: KeyPurpose,
    /// What people read.
    pub name: String,
    /// In OpenSSH's one-line format.
    pub public_key: String,
    /// MD5, colon-separated.
    pub fingerprint: String,
    /// As PEM.
    pub private_key: SecretString,
}

// === impl KeyPurpose ===

impl KeyPurpose {
    /// Its word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Users => "users",
        }
    }
}
