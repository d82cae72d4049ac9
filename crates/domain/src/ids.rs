//! Keys of rows, and the public ids that CloudHero's API shows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::random;

macro_rules! row_ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

row_ids! {
    /// An organisation's key.
    OrganisationId,
    /// A user's key.
    UserId,
    /// The key of a cloud account that an organisation added (CloudHero's "provider").
    ProviderId,
    /// An application's key.
    ApplicationId,
    /// An environment's key.
    EnvironmentId,
    /// A server's key; Cloude.ro's API shows it as it is.
    ServerId,
    /// An operation's key.
    OperationId,
    /// The key of an integration, such as a Docker Hub account.
    IntegrationId,
    /// The key of an instance at a cloud that bears our tag and that no server accounts for.
    OrphanId,
    /// A snapshot's key; Cloude.ro's API shows it as it is.
    SnapshotId,
}

/// 24 lower-case hexadecimal digits, random: the id that CloudHero's API shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PublicId(String);

// === impl PublicId ===

impl PublicId {
    /// A new random id.
    pub fn random() -> Self {
        Self(hex::encode(random::bytes::<12>()))
    }

    /// Its 24 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 24 && text.bytes().all(digits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::invalid("an id is 24 hexadecimal digits"))
        }
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PublicId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_id_is_24_lower_case_hexadecimal_digits() {
        let id = PublicId::random();
        assert_eq!(id.as_str().parse::<PublicId>().expect("parses"), id);
        for wrong in [
            "",
            "56dd617610d396503e2a6ab",
            "56DD617610D396503E2A6AB9",
            "g6dd617610d396503e2a6ab9",
        ] {
            assert!(wrong.parse::<PublicId>().is_err(), "{wrong}");
        }
    }
}
