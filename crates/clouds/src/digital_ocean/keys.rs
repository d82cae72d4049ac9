//! Public keys: DigitalOcean keeps them by their fingerprints, and puts those that a create names into the system.
//!
//! Called by `create`. What must stay true: a key that the account has already is used, whoever put it there, and none
//! is ever deleted, since droplets of other people may be made with it.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::{DigitalOcean, errors};
use crate::cloud::{CloudResult, ErrorClass};
use crate::text::fingerprint;

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
