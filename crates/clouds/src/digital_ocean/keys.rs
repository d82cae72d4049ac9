//! Public keys: DigitalOcean keeps them by their fingerprints, and puts those that a create names into the system.
//!
//! Called by `create`. What must stay true: a key that the account has already is used, whoever put it there, and none
//! is ever deleted, since droplets of other people may be made with it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{DigitalOcean, errors};
use crate::cloud::{CloudResult, ErrorClass};
use crate::text::fingerprint;

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
