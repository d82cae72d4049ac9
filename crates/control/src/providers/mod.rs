//! Cloud accounts: adding one (its credentials are tried first), listing, deleting, and what it sells.
//!
//! Called by `api`. What must stay true: credentials are saved only once their cloud has accepted them, and shown in
//! the clear only to who has just sent them, or to all by the operator's own choice.

mod offer;

use clouds::registry;
pub use clouds::registry::Field;
use domain::account::Actor;
use domain::credentials::Credentials;
use domain::environment::Provider;
use domain::{Error, ErrorKind, PublicId, Result, names};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

pub(crate) use offer::of_provider;
pub use offer::{Dated, offer};

use crate::app::{App, HOUSE, SANDBOX};
use crate::operations::retry;

/// A kind of provider that can be added here.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What a user reads.
    pub description: &'static str,
    /// What it wants.
    pub fields: &'static [Field],
}

/// The kinds of provider that can be added here.
pub fn kinds(app: &App) -> Vec<Kind> {
    let house = Kind {
        name: HOUSE,
        description: "The operator's own regions",
        fields: &[],
    };
    let clouds = registry::CLOUDS
        .iter()
        .filter(|kind| kind.name != SANDBOX || app.settings.sandbox.is_some())
        .map(|kind| Kind {
            name: kind.name,
            description: kind.description,
            fields: kind.fields,
        });
    std::iter::once(house).chain(clouds).collect()
}

/// A provider's credentials as they are shown to everybody but who has just sent them: the secrets among them masked.
pub fn masked(provider: &Provider) -> Map<String, Value> {
    let mut shown = provider.credentials.masked();
    let fields = registry::kind(&provider.kind).map_or(&[][..], |kind| kind.fields);
    for field in fields.iter().filter(|field| field.plain) {
        if let Some(value) = provider.credentials.get(field.name) {
            let value = Value::String(value.expose_secret().to_owned());
            shown.insert(field.name.to_owned(), value);
        }
    }
    shown
}

/// The most providers of an organisation: each is looked at again and again.
const MOST: i64 = 50;

/// Adds a provider once its cloud has accepted its credentials. `fields` is the request's body: a field is taken by
/// its name or by its lower-case name.
///
/// Errors: `Invalid` for an unknown kind or a missing field; `CloudRejected` with the cloud's reason; `Exists` with the
/// id of the one of that name.
pub async fn create(
    app: &App,
    actor: &Actor,
    kind: &str,
    name: &str,
    fields: &Map<String, Value>,
) -> Result<Provider> {
    names::title("a provider", name).map_err(|error| error.field("provider_name"))?;
    let known = kinds(app);
    let kind = known
        .iter()
        .find(|known| known.name == kind)
        .ok_or_else(|| {
            let names = known
                .iter()
                .map(|kind| kind.name)
                .collect::<Vec<_>>()
                .join(", ");
            Error::invalid(format!(
                "the cloud provider {kind:?} is not available here; available: {names}"
            ))
            .field("cloud_provider")
        })?;
    let credentials = credentials(kind, fields)?;
    taken(app, actor, name).await?;
    let mut session = app.store.read().await?;
    let has = store::providers::count(&mut session, actor.organisation.id).await?;
    drop(session);
    if has >= MOST {
        return Err(Error::conflict(format!(
            "an organisation has at most {MOST} providers; nothing was added"
        )));
    }
    if kind.name != HOUSE {
        let cloud = app.open_unsaved(kind.name, credentials.clone())?;
        cloud.check().await.map_err(|error| {
            let error = retry::as_error(error);
            Error::new(
                error.kind(),
                format!("the provider was not added: {}", error.message()),
            )
        })?;
    }
    let mut session = app.store.write().await?;
    let created = store::providers::create(
        &mut session,
        actor.organisation.id,
        name,
        kind.name,
        &credentials,
    )
    .await;
    let provider = match created {
        Err(error) if error.kind() == ErrorKind::Exists => {
            drop(session);
            taken(app, actor, name).await?;
            return Err(error);
        }
        created => created?,
    };
    store::audit::record(
        &mut session,
        actor,
        "provider.create",
        provider.public_id.as_str(),
    )
    .await?;
    session.commit().await?;
    Ok(provider)
}

async fn taken(app: &App, actor: &Actor, name: &str) -> Result<()> {
    let mut session = app.store.read().await?;
    match store::providers::by_name(&mut session, actor.organisation.id, name).await? {
        None => Ok(()),
        Some(there) => Err(Error::exists(
            format!("there is a provider {name:?} already; nothing was added"),
            Some(there.public_id),
        )),
    }
}

fn credentials(kind: &Kind, fields: &Map<String, Value>) -> Result<Credentials> {
    let mut credentials = Credentials::default();
    let mut missing = Vec::new();
    for field in kind.fields {
        match fields.get(field.name).or_else(|| fields.get(field.long)) {
            Some(Value::String(value)) if !value.trim().is_empty() => {
                credentials = credentials.with(field.name, value.clone());
            }
            // Clients that ask for every field send an empty text for what there is none of.
            Some(Value::String(_)) | None if field.optional => {}
            Some(Value::String(_)) | None => {
                missing.push((field.name.to_owned(), format!("{} is missing", field.name)));
            }
            Some(_) => missing.push((
                field.name.to_owned(),
                format!("{} must be a string", field.name),
            )),
        }
    }
    if missing.is_empty() {
        return Ok(credentials);
    }
    let message = missing
        .iter()
        .map(|(_, message)| message.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    Err(Error::invalid(message).fields(missing))
}

/// The organisation's providers.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Provider>> {
    store::providers::list(&mut app.store.read().await?, actor.organisation.id).await
}

/// The organisation's provider with that id.
pub async fn find(app: &App, actor: &Actor, id: &PublicId) -> Result<Provider> {
    store::providers::by_public_id(&mut app.store.read().await?, actor.organisation.id, id)
        .await?
        .ok_or_else(|| Error::not_found("provider"))
}

/// Deletes a provider.
///
/// Errors: `Conflict` while servers or environments depend on it, and while its cloud keeps snapshots of servers that are gone.
pub async fn delete(app: &App, actor: &Actor, id: &PublicId) -> Result<()> {
    let provider = find(app, actor, id).await?;
    let mut session = app.store.write().await?;
    // None comes to be any more where there is no server.
    if store::snapshots::any_outlived_at(&mut session, provider.id).await? {
        return Err(Error::conflict(
            "its cloud keeps snapshots of servers that are gone, which cost money, and nobody would tell of them any more; \
             nothing was deleted: the list of snapshots says what to do",
        )
        .about(provider.public_id));
    }
    if !store::providers::delete(&mut session, actor.organisation.id, provider.id).await? {
        return Err(Error::conflict(
            "servers or environments depend on this provider; nothing was deleted: delete them first",
        )
        .about(provider.public_id));
    }
    store::audit::record(&mut session, actor, "provider.delete", id.as_str()).await?;
    session.commit().await
}
