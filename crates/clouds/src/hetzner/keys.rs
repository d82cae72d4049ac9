//! Public keys: Hetzner keeps them by their fingerprints, and puts those that a create names into the system.
//!
//! Called by `create`. What must stay true: a key that the project has already is used, whoever put it there, and none is
//! ever deleted, since servers of other people may be made with it.

use std::collections::BTreeMap;

use serde_json::json;

use super::wire::{OneSshKey, SshKey};
use super::{Hetzner, errors};
use crate::cloud::CloudResult;
use crate::text::fingerprint;

// === impl Hetzner ===

impl Hetzner {
    /// Sees to it that the project has these keys. Returns their ids, as a create wants them.
    pub(super) async fn ensure_keys(&self, keys: &[String]) -> CloudResult<Vec<String>> {
        let mut ids = Vec::new();
        for (print, key) in fingerprints(keys)? {
            let id = self.keys.get(&print, self.ensure_key(key, &print)).await?;
            ids.push(id.to_string());
        }
        Ok(ids)
    }

    async fn ensure_key(&self, key: &str, fingerprint: &str) -> CloudResult<u64> {
        if let Some(known) = self.key_with(fingerprint).await? {
            return Ok(known);
        }
        let body = json!({ "name": key_name(fingerprint), "public_key": key });
        match self.client.post::<OneSshKey>(&["ssh_keys"], &body).await {
            // Another Arcus was quicker.
            Err(error) if errors::is_taken(&error) => {
                self.key_with(fingerprint).await?.ok_or(error)
            }
            made => made.map(|one| one.ssh_key.id),
        }
    }

    pub(super) async fn key_with(&self, fingerprint: &str) -> CloudResult<Option<u64>> {
        let parameters = [("fingerprint", fingerprint)];
        let found: Vec<SshKey> = self.client.list(&["ssh_keys"], &parameters).await?;
        Ok(found.first().map(|key| key.id))
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

/// What a key of ours is called at Hetzner.
pub(super) fn key_name(fingerprint: &str) -> String {
    format!("arcus-{}", fingerprint.replace(':', ""))
}
