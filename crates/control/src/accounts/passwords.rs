//! Password hashes: Argon2id, off the async threads, a few at a time since each takes 19 MiB.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use domain::{Error, Result, random};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::SemaphorePermit;

use crate::app::App;

/// How many are hashed at once.
pub(crate) const AT_ONCE: usize = 4;

/// The shortest password.
pub const MIN_LENGTH: usize = 8;

/// The longest password, so that hashing one stays cheap.
pub const MAX_LENGTH: usize = 1024;

/// The turn for one piece of work that takes a processor some time. Whoever waits for one has not been served yet, so
/// what limits attempts is asked after it came.
pub(crate) async fn turn(app: &App) -> Result<SemaphorePermit<'_>> {
    app.hashing
        .acquire()
        .await
        .map_err(|_| Error::internal("the semaphore is closed"))
}

/// Hashes a password.
pub(crate) async fn hash(app: &App, password: SecretString) -> Result<String> {
    let _turn = turn(app).await?;
    tokio::task::spawn_blocking(move || hash_now(password.expose_secret()))
        .await
        .map_err(|error| Error::internal("hashing panicked").source(error))?
}

/// Whether a password has that hash. The caller has waited for its [`turn`].
pub(crate) async fn verify(password: SecretString, hash: String) -> Result<bool> {
    tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&hash)
            .map_err(|error| Error::internal(format!("a stored hash is broken: {error}")))?;
        Ok(Argon2::default()
            .verify_password(password.expose_secret().as_bytes(), &hash)
            .is_ok())
    })
    .await
    .map_err(|error| Error::internal("hashing panicked").source(error))?
}

/// A hash of nothing that anybody knows: verified against where a user does not exist, so that the time taken does
/// not tell who does.
pub(crate) fn decoy() -> Result<String> {
    hash_now(&random::hex::<16>())
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
