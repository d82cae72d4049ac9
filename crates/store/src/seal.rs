//! Secrets at rest: XChaCha20-Poly1305, bound to the row and column that they stand in.
//!
//! Used by the noun files of this crate. Keys have versions: the newest seals, every known one opens, so that keys
//! can be changed without a pause. A sealed value is `version (1 byte) ‖ nonce (24) ‖ ciphertext and tag`.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::{Error, Result, random};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// Holds the keys.
pub struct Sealer {
    ciphers: BTreeMap<u8, XChaCha20Poly1305>,
}

// === impl Sealer ===

impl Sealer {
    /// Reads the key file (`VERSION KEY` a line, the key as 64 hexadecimal digits), or makes one that only its owner
    /// can read.
    ///
    /// Errors: `Invalid` when the file is not of that form or others may read it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            create(path)?;
        }
        let mode = std::fs::metadata(path)
            .map_err(|error| unreadable(path, error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(Error::invalid(format!(
                "the key file {} can be read by others; run: chmod 600 {0}",
                path.display()
            )));
        }
        let text =
            Zeroizing::new(std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?);
        Self::parse(&text).ok_or_else(|| {
            Error::invalid(format!(
                "the key file {} must hold lines of a version from 1 to 255 and 64 hexadecimal digits",
                path.display()
            ))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut ciphers = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (version, key) = line.trim().split_once(' ')?;
            let key = Zeroizing::new(hex::decode(key.trim()).ok()?);
            let version: u8 = version.parse().ok().filter(|version| *version > 0)?;
            ciphers.insert(version, XChaCha20Poly1305::new_from_slice(&key).ok()?);
        }
        (!ciphers.is_empty()).then_some(Self { ciphers })
    }

    /// Seals `secret` for `place`, such as `providers.credentials/56dd617610d396503e2a6ab9`.
    pub fn seal(&self, place: &str, secret: &SecretString) -> Result<Vec<u8>> {
        let (version, cipher) = self
            .ciphers
            .last_key_value()
            .ok_or_else(|| Error::internal("no key to seal with"))?;
        let nonce = random::bytes::<NONCE>();
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: place.as_bytes(),
        };
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([&[*version][..], &nonce, &sealed].concat())
    }

    /// Opens what was sealed for the same `place`.
    pub fn unseal(&self, place: &str, sealed: &[u8]) -> Result<SecretString> {
        let broken = || {
            Error::internal(format!(
                "{place} can't be unsealed: a wrong key file, or a row that was tampered with"
            ))
        };
        let (version, rest) = sealed.split_first().ok_or_else(broken)?;
        let (nonce, text) = rest.split_at_checked(NONCE).ok_or_else(broken)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| broken())?;
        let cipher = self.ciphers.get(version).ok_or_else(broken)?;
        let opened = cipher
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: text,
                    aad: place.as_bytes(),
                },
            )
            .map_err(|_| broken())?;
        String::from_utf8(opened)
            .map(SecretString::from)
            .map_err(|_| broken())
    }
}

fn create(path: &Path) -> Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| unreadable(path, error))?;
    let line = Zeroizing::new(format!("1 {}\n", random::hex::<32>()));
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::invalid(format!(
        "the key file {} can't be used: {error}",
        path.display()
    ))
    .source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(lines: &str) -> Sealer {
        Sealer::parse(lines).expect("parses")
    }

    #[test]
    fn a_secret_is_opened_only_in_its_own_place_and_with_its_own_key() {
        let (one, two) = (
            format!("1 {}", "ab".repeat(32)),
            format!("1 {}", "cd".repeat(32)),
        );
        let sealed = sealer(&one)
            .seal("users.totp/1", &SecretString::from("hunter2"))
            .expect("seals");
        assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"));
        let opened = sealer(&one).unseal("users.totp/1", &sealed).expect("opens");
        assert_eq!(opened.expose_secret(), "hunter2");
        assert!(sealer(&one).unseal("users.totp/2", &sealed).is_err());
        assert!(sealer(&two).unseal("users.totp/1", &sealed).is_err());
    }

    #[test]
    fn an_old_key_still_opens_after_a_new_one_was_added() {
        let old = format!("1 {}", "ab".repeat(32));
        let sealed = sealer(&old)
            .seal("x", &SecretString::from("s"))
            .expect("seals");
        let both = sealer(&format!("{old}\n2 {}", "cd".repeat(32)));
        assert!(both.unseal("x", &sealed).is_ok());
        assert_eq!(
            both.seal("x", &SecretString::from("s")).expect("seals")[0],
            2
        );
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        Sealer::open(&path).expect("makes one");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(Sealer::open(&path).is_err());
    }
}
