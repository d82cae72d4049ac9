//! The public keys that an organisation lets into its new servers.

use std::collections::HashSet;

use domain::account::Actor;
use domain::ssh_key::SshKey;
use domain::{Error, ErrorKind, Result, names};

use crate::app::App;

/// The most keys of an organisation.
const MOST: usize = 200;

/// Adds a key.
///
/// Errors: `Invalid` for what is no key, or a kind that is not taken; `Exists` for one that is there, and for a name that
/// another has.
pub async fn create(app: &App, actor: &Actor, name: &str, public_key: &str) -> Result<()> {
    names::title("a key", name)?;
    let wrong = |error: ssh::SshError| {
        Error::invalid(format!("{error}; nothing was added")).field("public_key")
    };
    let line = ssh::public_key::public_line(public_key).map_err(wrong)?;
    let fingerprint = ssh::keys::md5_fingerprint(&line).map_err(wrong)?;
    let mut session = app.store.write().await?;
    let organisation = actor.organisation.id;
    if store::ssh_keys::list(&mut session, organisation)
        .await?
        .len()
        >= MOST
    {
        return Err(Error::new(
            ErrorKind::Quota,
            format!("an organisation has at most {MOST} keys; nothing was added"),
        ));
    }
    store::ssh_keys::create(&mut session, organisation, name, &line, &fingerprint).await?;
    store::audit::record(&mut session, actor, "ssh_key.create", &fingerprint).await?;
    session.commit().await
}

/// The organisation's keys, by name.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<SshKey>> {
    store::ssh_keys::list(&mut app.store.read().await?, actor.organisation.id).await
}

/// Renames a key. Errors: `NotFound`; `Exists` for a name that another has.
pub async fn rename(app: &App, actor: &Actor, fingerprint: &str, name: &str) -> Result<()> {
    names::title("a key", name)?;
    let mut session = app.store.write().await?;
    if !store::ssh_keys::rename(&mut session, actor.organisation.id, fingerprint, name).await? {
        return Err(Error::not_found("key"));
    }
    store::audit::record(&mut session, actor, "ssh_key.rename", fingerprint).await?;
    session.commit().await
}

/// Forgets a key. Servers that let it in go on doing so.
pub async fn remove(app: &App, actor: &Actor, fingerprint: &str) -> Result<()> {
    let mut session = app.store.write().await?;
    if !store::ssh_keys::remove(&mut session, actor.organisation.id, fingerprint).await? {
        return Err(Error::not_found("key"));
    }
    store::audit::record(&mut session, actor, "ssh_key.remove", fingerprint).await?;
    session.commit().await
}

/// The public keys of these fingerprints, each once, however often it is named.
///
/// Errors: `Invalid` with the one that the organisation has not, and for more than any organisation has.
pub(crate) async fn named(
    app: &App,
    actor: &Actor,
    fingerprints: &[String],
) -> Result<Vec<String>> {
    let wrong = |message: String| {
        Error::invalid(format!("{message}; nothing was created")).field("ssh_keys")
    };
    let mut seen = HashSet::new();
    let mut wanted: Vec<&String> = fingerprints.iter().collect();
    wanted.retain(|fingerprint| seen.insert(*fingerprint));
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    if wanted.len() > MOST {
        return Err(wrong(format!("a server lets in at most {MOST} keys")));
    }
    let known = list(app, actor).await?;
    let key = |wanted: &String| {
        let key = known.iter().find(|key| key.fingerprint == *wanted);
        key.map(|key| key.public_key.clone()).ok_or_else(|| {
            wrong(format!(
                "there is no SSH key with the fingerprint {wanted:?}"
            ))
        })
    };
    wanted.into_iter().map(key).collect()
}
