//! Accounts elsewhere that environments use: Docker Hub.

use domain::account::Actor;
use domain::credentials::Credentials;
use domain::environment::Integration;
use domain::{Error, ErrorKind, PublicId, Result, names};
use secrecy::ExposeSecret;

use crate::app::App;

/// What an integration's form must have.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The letter of its command-line option.
    pub short: &'static str,
    /// Its name.
    pub long: &'static str,
    /// What a user reads.
    pub description: &'static str,
}

/// The longest value of a field, in bytes.
const MAX_FIELD: usize = 4096;

/// The only kind.
pub const DOCKER_HUB: &str = "docker-hub";

/// What it must be given, besides its name.
pub const DOCKER_HUB_FIELDS: [Field; 4] = [
    Field {
        short: "l",
        long: "url",
        description: "The registry's address, such as https://index.docker.io/v1/",
    },
    Field {
        short: "u",
        long: "username",
        description: "The account's user name",
    },
    Field {
        short: "p",
        long: "password",
        description: "The account's password or access token",
    },
    Field {
        short: "e",
        long: "email",
        description: "The account's email",
    },
];

/// Adds an integration.
///
/// Errors: `Invalid` for another kind or a missing field; `Exists` with the id of the one of that name.
pub async fn create(
    app: &App,
    actor: &Actor,
    kind: &str,
    name: &str,
    meta: Credentials,
) -> Result<Integration> {
    if kind != DOCKER_HUB {
        return Err(Error::invalid(format!(
            "there is no integration type {kind:?}; the only one is {DOCKER_HUB:?}"
        ))
        .field("type"));
    }
    names::title("an integration", name)?;
    validate(&meta)?;
    let mut session = app.store.write().await?;
    let created =
        store::integrations::create(&mut session, actor.organisation.id, kind, name, &meta).await;
    let integration = match created {
        Err(error) if error.kind() == ErrorKind::Exists => {
            drop(session);
            let there = list(app, actor)
                .await?
                .into_iter()
                .find(|there| there.kind == kind && there.name == name);
            return Err(Error::exists(
                format!("there is an integration {name:?} already"),
                there.map(|there| there.public_id),
            ));
        }
        created => created?,
    };
    store::audit::record(
        &mut session,
        actor,
        "integration.create",
        integration.public_id.as_str(),
    )
    .await?;
    session.commit().await?;
    Ok(integration)
}

/// All fields but the email are needed; the address is one that Docker would log in to.
fn validate(meta: &Credentials) -> Result<()> {
    let mut wrong = Vec::new();
    for field in &DOCKER_HUB_FIELDS {
        let value = meta.get(field.long).map(ExposeSecret::expose_secret);
        let value = value.unwrap_or_default();
        let message = if value.trim().is_empty() && field.long != "email" {
            "is missing"
        } else if value.len() > MAX_FIELD {
            "is too long"
        } else if value.chars().any(char::is_control) {
            "holds a control character"
        } else if field.long == "url" && !is_registry(value) {
            "is no address of a registry, such as https://index.docker.io/v1/"
        } else {
            continue;
        };
        wrong.push((field.long.to_owned(), format!("{} {message}", field.long)));
    }
    let words: Vec<_> = wrong.iter().map(|(_, words)| words.as_str()).collect();
    let message = format!("{}; nothing was created", words.join("; "));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid(message).fields(wrong))
    }
}

/// A host, with or without `https://` and a path.
fn is_registry(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .unwrap_or(url);
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty() && !rest.contains("://") && !url.contains(char::is_whitespace)
}

/// The organisation's integrations.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Integration>> {
    store::integrations::list(&mut app.store.read().await?, actor.organisation.id).await
}

/// Deletes an integration; environments that were made with it keep running.
pub async fn delete(app: &App, actor: &Actor, id: &PublicId) -> Result<()> {
    let mut session = app.store.write().await?;
    if !store::integrations::delete(&mut session, actor.organisation.id, id).await? {
        return Err(Error::not_found("integration"));
    }
    store::audit::record(&mut session, actor, "integration.delete", id.as_str()).await?;
    session.commit().await
}
