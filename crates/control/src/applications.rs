//! Applications: names under which environments are grouped.

use domain::account::Actor;
use domain::environment::Application;
use domain::{Error, ErrorKind, PublicId, Result, names};

use crate::app::App;

/// The only type of application.
pub const CUSTOM: &str = "custom";

/// Adds an application.
///
/// Errors: `Invalid` for a bad name or another type than `custom`; `Exists` with the id of the one of that name.
pub async fn create(app: &App, actor: &Actor, name: &str, kind: &str) -> Result<Application> {
    names::title("an application", name).map_err(|error| error.field("application_name"))?;
    if kind != CUSTOM {
        return Err(Error::invalid(format!(
            "there is no application type {kind:?}; the only one is \"custom\""
        ))
        .field("application_type"));
    }
    let mut session = app.store.write().await?;
    let created =
        store::applications::create(&mut session, actor.organisation.id, name, kind, false).await;
    let application = match created {
        Err(error) if error.kind() == ErrorKind::Exists => {
            drop(session);
            let there = list(app, actor)
                .await?
                .into_iter()
                .find(|application| application.name == name);
            return Err(Error::exists(
                format!("there is an application {name:?} already"),
                there.map(|application| application.public_id),
            ));
        }
        created => created?,
    };
    store::audit::record(
        &mut session,
        actor,
        "application.create",
        application.public_id.as_str(),
    )
    .await?;
    session.commit().await?;
    Ok(application)
}

/// The organisation's applications.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Application>> {
    store::applications::list(&mut app.store.read().await?, actor.organisation.id).await
}

/// The application with that id, or the default one.
pub async fn find(app: &App, actor: &Actor, id: Option<&PublicId>) -> Result<Application> {
    let wanted = |application: &Application| match id {
        Some(id) => application.public_id == *id,
        None => application.is_default,
    };
    let all = list(app, actor).await?;
    all.into_iter()
        .find(wanted)
        .ok_or_else(|| Error::not_found("application"))
}

/// Deletes an application.
///
/// Errors: `Conflict` for the default one, and while environments are in it.
pub async fn delete(app: &App, actor: &Actor, id: &PublicId) -> Result<()> {
    let application = find(app, actor, Some(id)).await?;
    if application.is_default {
        return Err(Error::conflict(
            "the default application can't be deleted: environments that name no application are in it",
        )
        .about(application.public_id));
    }
    let mut session = app.store.write().await?;
    if !store::applications::delete(&mut session, actor.organisation.id, application.id).await? {
        return Err(Error::conflict(
            "the application still has environments; nothing was deleted: delete them first",
        )
        .about(application.public_id));
    }
    store::audit::record(&mut session, actor, "application.delete", id.as_str()).await?;
    session.commit().await
}
