//! Password hashes: Argon2id, off the async threads, a few at a time since each takes 19 MiB.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use domain::{Error, Result, random};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;

/// How many are hashed at once.
pub(crate) const AT_ONCE: usize = 4;

/// The shortest password.
pub const MIN_LENGTH: usize = 8;

/// The longest password, so that hashing one stays cheap.
pub const MAX_LENGTH: usize = 1024;

/// The turn for one piece of work that takes a processor some time. It goes with the work to its thread: a caller who
/// hangs up ends neither, and must not make room for more. Whoever waits for a turn has not been served yet, so what
/// limits attempts is asked after it came.
pub(crate) async fn turn(app: &App) -> Result<OwnedSemaphorePermit> {
    Arc::clone(&app.hashing)
        .acquire_owned()
        .await
        .map_err(|_| Error::internal("the semaphore is closed"))
}

/// Does something that takes a processor some time, off the async threads.
pub(crate) async fn work<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await
        .map_err(|error| Error::internal("work on a thread of its own panicked").source(error))?
}

/// Hashes a password.
pub(crate) async fn hash(app: &App, password: SecretString) -> Result<String> {
    work(turn(app).await?, move || hash_now(password.expose_secret())).await
}

/// A password of a server's user as a hash in crypt(3)'s format, which every Linux takes.
pub(crate) async fn crypt(app: &App, password: SecretString) -> Result<SecretString> {
    use sha_crypt::{PasswordHasher as _, ShaCrypt};
    work(turn(app).await?, move || {
        ShaCrypt::SHA512
            .hash_password_with_salt(password.expose_secret().as_bytes(), &random::bytes::<12>())
            .map(|hash| SecretString::from(hash.to_string()))
            .map_err(|error| Error::internal(format!("hashing failed: {error}")))
    })
    .await
}

/// Whether a password has that hash.
pub(crate) async fn verify(
    turn: OwnedSemaphorePermit,
    password: SecretString,
    hash: String,
) -> Result<bool> {
    work(turn, move || {
        let hash = PasswordHash::new(&hash)
            .map_err(|error| Error::internal(format!("a stored hash is broken: {error}")))?;
        Ok(Argon2::default()
            .verify_password(password.expose_secret().as_bytes(), &hash)
            .is_ok())
    })
    .await
}

/// What looks like a hash and is none of any password: verified against where a user does not exist, so that the time
/// taken does not tell who does. Nothing is hashed for it, which would take its time and 19 MiB at each start.
pub(crate) fn decoy() -> String {
    let (memory, passes, lanes) = (
        Params::DEFAULT_M_COST,
        Params::DEFAULT_T_COST,
        Params::DEFAULT_P_COST,
    );
    let (salt, hash) = (
        BASE64_STANDARD_NO_PAD.encode(random::bytes::<16>()),
        BASE64_STANDARD_NO_PAD.encode(random::bytes::<{ Params::DEFAULT_OUTPUT_LEN }>()),
    );
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
}

fn hash_now(password: &str) -> Result<String> {
    let broken =
        |error: &dyn std::fmt::Display| Error::internal(format!("hashing failed: {error}"));
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &random::bytes::<16>())
        .map(|hash| hash.to_string())
        .map_err(|error| broken(&error))
}

/// Compares two secrets in a time that does not tell where they differ.
pub fn same(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifying_the_decoy_takes_what_verifying_a_real_hash_takes() {
        let (decoy, real) = (decoy(), hash_now("hunter2hunter2").expect("hashes"));
        let lengths = |hash: &str| hash.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        let costs = |hash: &str| {
            hash.split('$')
                .take(4)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(costs(&decoy), costs(&real));
        assert_eq!(lengths(&decoy), lengths(&real));
        assert!(PasswordHash::new(&decoy).is_ok(), "{decoy}");
    }
}
