//! Public keys: DigitalOcean keeps them by their fingerprints, and puts those that a create names into the system.
//!
//! Called by `create`. What must stay true: a key that the account has already is used, whoever put it there, and none
//! is ever deleted, since droplets of other people may be made with it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use reqwest::Method;
use serde_json::{Value, json};

use super::{DigitalOcean, errors};
use crate::cloud::{CloudResult, ErrorClass};

// === impl DigitalOcean ===

impl DigitalOcean {
    /// Sees to it that the account has these keys. Returns their fingerprints.
    pub(super) async fn ensure_keys(&self, keys: &[String]) -> CloudResult<Vec<String>> {
        let keys = fingerprints(keys)?;
        let _alone = self.ensuring.lock().await;
        for (fingerprint, key) in &keys {
            if self.has_key(fingerprint).await? {
                continue;
            }
            let body = json!({ "name": key_name(fingerprint), "public_key": key });
            let path = ["account", "keys"];
            match self.client.change(Method::POST, &path, Some(&body)).await {
                // Another Arcus was quicker: "SSH Key is already in use on your account".
                Err(error) if errors::is_taken(&error) => {}
                made => made?,
            }
        }
        Ok(keys.into_keys().collect())
    }

    /// Whether the account has a key already.
    pub(super) async fn has_key(&self, fingerprint: &str) -> CloudResult<bool> {
        let path = ["account", "keys", fingerprint];
        match self.client.get::<Value>(&path).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(false),
            known => known.map(|_| true),
        }
    }
}

/// Keys by their fingerprints, each once.
///
/// Errors: `Rejected` for what is no public key in OpenSSH's format.
pub(super) fn fingerprints(keys: &[String]) -> CloudResult<BTreeMap<String, &str>> {
    let named = keys.iter().map(|key| {
        let fingerprint = fingerprint(key)
            .ok_or_else(|| errors::rejected("a public key is not in OpenSSH's format"))?;
        Ok((fingerprint, key.trim()))
    });
    named.collect()
}

/// What a key of ours is called at DigitalOcean.
pub(super) fn key_name(fingerprint: &str) -> String {
    format!("arcus-{}", fingerprint.replace(':', ""))
}

/// DigitalOcean's fingerprints are by MD5, which is a name here and protects nothing.
fn fingerprint(key: &str) -> Option<String> {
    let mut words = key.split_whitespace();
    let (kind, encoded) = (words.next()?, words.next()?);
    let key = STANDARD.decode(encoded).ok()?;
    // It names its kind once more.
    let named = key.get(4..)?.starts_with(kind.as_bytes());
    let pairs: Vec<_> = Md5::digest(&key)
        .iter()
        .map(|byte| hex::encode([*byte]))
        .collect();
    named.then(|| pairs.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";

    #[test]
    fn a_fingerprint_is_that_of_the_key_alone() {
        let with_comment = fingerprint(KEY).expect("a key");
        let (bare, _) = KEY.rsplit_once(' ').expect("a comment");
        assert_eq!(fingerprint(bare), Some(with_comment.clone()));
        assert_eq!(with_comment.len(), 47);
        for wrong in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 %%%",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5",
        ] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
    }
}
