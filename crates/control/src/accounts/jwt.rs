//! Logins by JWT: a token that every request carries for three quarters of an hour, and a refresh token that is changed
//! for the next pair within a day.
//!
//! Called by the façade that sells single servers. What must stay true: one algorithm, HS256, whatever a token says of
//! itself; either kind is refused in the other's place; a refresh token is good once, and using an old one again ends its
//! whole family, access tokens included, for somebody else has it too.

use std::time::Duration;

use domain::account::{Actor, User};
use domain::{Error, ErrorKind, Result, Timestamp, random};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tokens::{logged_in, recognised};
use crate::app::App;
use crate::kept::Moment;

/// What a token is known by where it is not to be kept itself: its SHA-256.
pub(crate) type TokenHash = [u8; 32];

/// How long an access token is good.
const ACCESS: Duration = Duration::from_mins(45);

/// How long a refresh token is good.
const REFRESH: Duration = Duration::from_hours(24);

/// A pair of tokens.
#[derive(Debug)]
pub struct Signed {
    /// Carried by every request.
    pub token: SecretString,
    /// Changed for the next pair.
    pub refresh_token: SecretString,
}

/// Signs tokens, and checks that this installation has signed them.
pub struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Access,
    Refresh,
}

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    typ: Kind,
    /// The user's key.
    sub: String,
    /// The family.
    fam: String,
    /// The number within the family; for refresh tokens it says which one is good.
    jti: String,
    iat: i64,
    exp: i64,
}

// === impl Signer ===

impl Signer {
    /// With the installation's key.
    pub fn new(key: &SecretString) -> Self {
        // Fails only where it was installed before.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let key = key.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        // By our own clock, to the second.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
        }
    }

    fn sign(&self, claims: &Claims) -> Result<SecretString> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map(SecretString::from)
            .map_err(|error| Error::internal("a token can't be signed").source(error))
    }

    fn check(&self, token: &SecretString, kind: Kind, now: Timestamp) -> Result<Claims> {
        let token = token.expose_secret();
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok();
        let claims = decoded
            .map(|decoded| decoded.claims)
            .filter(|claims| claims.typ == kind)
            .ok_or_else(not_valid)?;
        must_not_be_over(claims.exp, now)?;
        Ok(claims)
    }

    /// A pair of a family, and the number of its refresh token.
    fn pair(&self, user: i64, family: &str, number: &str, now: Timestamp) -> Result<Signed> {
        let claims = |typ, jti: &str, lifetime| Claims {
            typ,
            sub: user.to_string(),
            fam: family.to_owned(),
            jti: jti.to_owned(),
            iat: seconds(now),
            exp: seconds(now.plus(lifetime)),
        };
        Ok(Signed {
            token: self.sign(&claims(Kind::Access, &random::hex::<8>(), ACCESS))?,
            refresh_token: self.sign(&claims(Kind::Refresh, number, REFRESH))?,
        })
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000)
}

/// Errors: `Unauthenticated` from that second on.
fn must_not_be_over(expires_at: i64, now: Timestamp) -> Result<()> {
    (seconds(now) < expires_at)
        .then_some(())
        .ok_or_else(not_valid)
}

fn not_valid() -> Error {
    refused("the token is not valid, or not any more; log in again")
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}

/// Begins a family for who can show a password.
///
/// Errors: `Unauthenticated`, in the same words whatever was wrong; `RateLimited` after many of these.
pub async fn log_in(app: &App, email: &str, password: SecretString) -> Result<Signed> {
    let user: User = recognised(app, email, password).await?;
    let (family, number, now) = (random::hex::<12>(), random::hex::<12>(), app.clock().now());
    let pair = app.signer.pair(user.id.0, &family, &number, now)?;
    let mut session = app.store.write().await?;
    store::logins::forget(&mut session, now).await?;
    store::logins::begin(&mut session, &family, user.id, &number, now.plus(REFRESH)).await?;
    logged_in(&mut session, &user).await?;
    session.commit().await?;
    Ok(pair)
}

/// Changes a refresh token for the next pair of its family.
///
/// Errors: `Unauthenticated`; where the token was good once, its family has ended.
pub async fn refresh(app: &App, token: &SecretString) -> Result<Signed> {
    let now = app.clock().now();
    let claims = app.signer.check(token, Kind::Refresh, now)?;
    let number = random::hex::<12>();
    let user: i64 = claims
        .sub
        .parse()
        .map_err(|_| refused("the token names no user; log in again"))?;
    let pair = app.signer.pair(user, &claims.fam, &number, now)?;
    let mut session = app.store.write().await?;
    let expires_at = now.plus(REFRESH);
    if store::logins::rotate(&mut session, &claims.fam, &claims.jti, &number, expires_at).await? {
        session.commit().await?;
        return Ok(pair);
    }
    // We have signed it, so it was good: now two have it, and nobody knows who of them is the owner.
    store::logins::revoke(&mut session, &claims.fam).await?;
    session.commit().await?;
    Err(refused(
        "that refresh token was used before, so this login has ended for everybody who has it; log in again",
    ))
}

/// The actor behind an access token, and the moment of the request at which that was so.
///
/// Errors: `Unauthenticated`.
pub async fn authenticate_signed(
    app: &App,
    token: &SecretString,
    facade: &'static str,
    request_id: &str,
) -> Result<(Actor, Moment)> {
    // A token that was checked once stays as it is: what changes is the time, and what the database says of its login.
    let key: TokenHash = Sha256::digest(token.expose_secret()).into();
    if !app.actors.has(&key) {
        // The database is not to be made work by who has no token of ours.
        app.signer.check(token, Kind::Access, app.clock().now())?;
    }
    let at = Moment::now(app).await;
    let read = || async {
        let claims = app.signer.check(token, Kind::Access, app.clock().now())?;
        let mut session = app.store.read().await?;
        let found = store::logins::user(&mut session, &claims.fam).await?;
        let (user, organisation) =
            found.ok_or_else(|| refused("this login has ended; log in again"))?;
        let actor = Actor {
            organisation,
            user_id: user.id,
            user_name: user.user_name,
            role: user.role,
            facade,
            request_id: String::new(),
        };
        Ok((claims.exp, actor))
    };
    let (expires_at, actor) = app.actors.get(&at, &key, read).await?;
    must_not_be_over(expires_at, app.clock().now())?;
    let actor = Actor {
        facade,
        request_id: request_id.to_owned(),
        ..actor
    };
    Ok((actor, at))
}

#[cfg(test)]
mod tests;
