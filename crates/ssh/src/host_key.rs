//! Which host key is accepted, and how the connection is set so that the pinned one is asked for.
//!
//! Used by [`Session::connect`](crate::Session::connect) alone. What must stay true: with a pinned key nothing else
//! passes, in the first exchange of keys and in every later one on the same connection.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use russh::keys::{Algorithm, PublicKey, PublicKeyOrCertificate};
use russh::{Preferred, client};

/// A connection on which nothing comes back for this long is dead. A live one answers the keep-alives.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Accepts the pinned key only, or any where none is pinned, and keeps what it saw.
pub(crate) struct HostKeyCheck {
    pub(crate) pinned: Option<PublicKey>,
    pub(crate) seen: Arc<OnceLock<String>>,
}

// === impl HostKeyCheck ===

impl client::Handler for HostKeyCheck {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let shown = shown.public_key();
        let bare = PublicKey::new(shown.key_data().clone(), "");
        // A later exchange of keys on the same connection calls this again; the first key stays what was seen.
        let first = self
            .seen
            .get_or_init(|| bare.to_openssh().unwrap_or_default());
        let same = bare
            .to_openssh()
            .is_ok_and(|line| line == *first && !line.is_empty());
        Ok(same
            && self
                .pinned
                .as_ref()
                .is_none_or(|pinned| pinned.key_data() == shown.key_data()))
    }
}

pub(crate) fn config(pinned: Option<&PublicKey>) -> client::Config {
    let mut preferred = Preferred::DEFAULT;
    match pinned {
        // Otherwise a host that gained a key of a better kind would seem to have changed.
        Some(key) => preferred.key = vec![key.algorithm()].into(),
        // RSA host keys can't be verified in this build: never agree on one.
        None => preferred
            .key
            .to_mut()
            .retain(|algorithm| !matches!(algorithm, Algorithm::Rsa { .. })),
    }
    client::Config {
        preferred,
        nodelay: true,
        inactivity_timeout: Some(SILENCE_LIMIT),
        keepalive_interval: Some(KEEPALIVE_INTERVAL),
        ..client::Config::default()
    }
}
