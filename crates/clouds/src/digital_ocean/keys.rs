//! Public keys: DigitalOcean keeps them by their fingerprints, and puts those that a create names into the system.
//!
//! Called by `create`. What must stay true: a key that the account has already is used, whoever put it there, and none
//! is ever deleted, since droplets of other people may be made with it.

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
        let mut fingerprints = Vec::new();
        for key in keys {
            let fingerprint = fingerprint(key)
                .ok_or_else(|| errors::rejected("a public key is not in OpenSSH's format"))?;
            if !fingerprints.contains(&fingerprint) {
                self.ensure_key(key, &fingerprint).await?;
                fingerprints.push(fingerprint);
            }
        }
        Ok(fingerprints)
    }

    async fn ensure_key(&self, key: &str, fingerprint: &str) -> CloudResult<()> {
        let known = self
            .client
            .get::<Value>(&["account", "keys", fingerprint])
            .await;
        match known {
            Err(error) if error.class == ErrorClass::NotFound => {}
            known => return known.map(drop),
        }
        let name = format!("arcus-{}", fingerprint.replace(':', ""));
        let body = json!({ "name": name, "public_key": key.trim() });
        let path = ["account", "keys"];
        match self.client.change(Method::POST, &path, Some(&body)).await {
            // Another create was quicker: "SSH Key is already in use on your account".
            Err(error) if errors::is_taken(&error) => Ok(()),
            made => made,
        }
    }
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
