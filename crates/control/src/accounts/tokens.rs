//! Tokens: a persistent one that every request carries, and a refreshing one that is changed for a new pair.

use domain::account::User;
use domain::{Error, ErrorKind, Result, UserId, random};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use store::Session;

use crate::accounts::passwords;
use crate::app::App;

/// A new pair; this is the only time that it can be read.
#[derive(Debug)]
pub struct Tokens {
    /// 128 random bits in decimal.
    pub persistent: SecretString,
    /// Changed for a new pair.
    pub refreshing: SecretString,
}

/// How somebody logs in.
pub enum Login {
    /// With a password.
    Password {
        /// The user's email.
        email: String,
        /// The user's password.
        password: SecretString,
    },
    /// With a refreshing token.
    Refresh(SecretString),
}

/// The longest email that a login looks for, in bytes; none that is registered is longer.
const MAX_EMAIL: usize = 254;

/// Makes a pair of tokens for who can show a password or a refreshing token; the latter's own pair is revoked.
///
/// Errors: `Unauthenticated`, in the same words whatever was wrong.
pub async fn login(app: &App, login: Login) -> Result<Tokens> {
    match login {
        Login::Password { email, password } => by_password(app, &email, password).await,
        Login::Refresh(token) => by_refreshing(app, &token).await,
    }
}

fn unknown() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "no user has that email and password",
    )
}

async fn by_password(app: &App, email: &str, password: SecretString) -> Result<Tokens> {
    let user = recognised(app, email, password).await?;
    let mut session = app.store.write().await?;
    let tokens = issue(&mut session, user.id).await?;
    logged_in(&mut session, &user).await?;
    session.commit().await?;
    Ok(tokens)
}

/// Notes that a user has logged in.
pub(super) async fn logged_in(session: &mut Session, user: &User) -> Result<()> {
    store::accounts::note_login(session, user.id).await?;
    store::audit::record_account(session, user.organisation_id, user.id, "account.login").await
}

/// The user of that email and password.
///
/// Errors: `Unauthenticated`, in the same words whatever was wrong; `RateLimited` after many of these.
pub(super) async fn recognised(app: &App, email: &str, password: SecretString) -> Result<User> {
    // What no user can be called is neither looked for nor watched: PostgreSQL knows no text with a NUL in it, and what
    // is watched is kept in memory.
    if email.len() > MAX_EMAIL || email.contains('\0') {
        return Err(unknown());
    }
    let email = email.trim().to_lowercase();
    // After the wait, so that of very many guesses at once few more get through than one after the other.
    let turn = passwords::turn(app).await?;
    app.logins.check(&email, app.clock().now())?;
    let mut session = app.store.read().await?;
    let user = store::accounts::user_by_email(&mut session, &email).await?;
    drop(session);
    let hash = user
        .as_ref()
        .map_or_else(|| app.decoy.clone(), |user| user.password_hash.clone());
    let fits = passwords::verify(turn, password, hash).await?;
    app.logins
        .note(&email, fits && user.is_some(), app.clock().now());
    user.filter(|_| fits).ok_or_else(unknown)
}

async fn by_refreshing(app: &App, token: &SecretString) -> Result<Tokens> {
    let mut session = app.store.write().await?;
    let revoked = store::accounts::revoke_by_refreshing(&mut session, &digest(token)).await?;
    let Some(user) = revoked else {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            "that refreshing token is unknown or was used before; log in with email and password",
        ));
    };
    let tokens = issue(&mut session, user).await?;
    session.commit().await?;
    Ok(tokens)
}

/// Makes and stores a pair within a transaction.
pub(super) async fn issue(session: &mut Session, user: UserId) -> Result<Tokens> {
    let tokens = Tokens {
        persistent: SecretString::from(random::u128().to_string()),
        refreshing: SecretString::from(random::hex::<24>()),
    };
    let (persistent, refreshing) = (digest(&tokens.persistent), digest(&tokens.refreshing));
    store::accounts::create_tokens(session, user, &persistent, &refreshing).await?;
    Ok(tokens)
}

/// What is stored of a token. A plain hash will do: nobody guesses 128 random bits.
pub(super) fn digest(token: &SecretString) -> String {
    use secrecy::ExposeSecret;
    hex::encode(Sha256::digest(token.expose_secret()))
}
