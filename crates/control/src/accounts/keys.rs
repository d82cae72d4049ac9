//! The users' SSH key pair, for owners and admins.

use domain::account::{Actor, KeyPurpose};
use domain::{Error, ErrorKind, Result, Role};
use secrecy::SecretString;

use crate::app::App;

/// The users' key pair as it is handed out.
pub struct UserKey {
    /// What people read.
    pub name: String,
    /// MD5, colon-separated.
    pub fingerprint: String,
    /// OpenSSH's one-line format.
    pub public_key: String,
    /// PEM, where it was asked for.
    pub private_key: Option<SecretString>,
}

/// The organisation's key pair for its users. Reading the private half is audited.
///
/// Errors: `Forbidden` for members who ask for the private half.
pub async fn user_key(app: &App, actor: &Actor, private: bool) -> Result<UserKey> {
    if private && actor.role < Role::Admin {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "only owners and admins may read the private key; ask one of them",
        ));
    }
    let pair = if private {
        let mut session = app.store.write().await?;
        let pair =
            store::key_pairs::by_purpose(&mut session, actor.organisation.id, KeyPurpose::Users)
                .await?;
        store::audit::record(&mut session, actor, "key.reveal", pair.public_id.as_str()).await?;
        session.commit().await?;
        pair
    } else {
        let mut session = app.store.read().await?;
        store::key_pairs::by_purpose(&mut session, actor.organisation.id, KeyPurpose::Users).await?
    };
    Ok(UserKey {
        name: pair.name,
        fingerprint: pair.fingerprint,
        public_key: pair.public_key,
        private_key: private.then_some(pair.private_key),
    })
}
