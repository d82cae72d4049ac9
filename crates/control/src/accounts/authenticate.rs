//! Who is asking.

use domain::account::Actor;
use domain::{Error, ErrorKind, Result};
use secrecy::SecretString;

use crate::accounts::tokens::digest;
use crate::app::App;

/// The actor behind a persistent token. Tokens are looked up by their hash, so the time taken tells nothing of them.
///
/// Errors: `Unauthenticated`.
pub async fn authenticate(
    app: &App,
    token: &SecretString,
    facade: &'static str,
    request_id: &str,
) -> Result<Actor> {
    let mut session = app.store.read().await?;
    let found = store::accounts::user_by_token(&mut session, &digest(token)).await?;
    let (user, organisation) = found.ok_or_else(|| {
        Error::new(
            ErrorKind::Unauthenticated,
            "the token is unknown or was revoked; log in again",
        )
    })?;
    Ok(Actor {
        organisation,
        user_id: user.id,
        user_name: user.user_name,
        role: user.role,
        facade,
        request_id: request_id.to_owned(),
    })
}
