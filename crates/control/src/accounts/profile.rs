//! What a user reads about itself.

use domain::account::Actor;
use domain::{Error, Result};
pub use store::accounts::Profile;

use crate::app::App;

/// What the caller reads about itself.
pub async fn profile(app: &App, actor: &Actor) -> Result<Profile> {
    store::accounts::profile(&mut app.store.read().await?, actor.user_id).await
}

/// Notes that the operator has made sure that an email is its user's own.
pub async fn verify(app: &App, email: &str) -> Result<()> {
    let mut session = app.store.write().await?;
    if !store::accounts::set_verified(&mut session, &email.trim().to_lowercase()).await? {
        return Err(Error::not_found("user"));
    }
    store::audit::record_operator(&mut session, "cli", "user.verify", email).await?;
    session.commit().await
}
