//! Opens the database: for `arcus serve`, which makes what is missing, and for every other command, which makes nothing.
//!
//! What must stay true: a command that was pointed at the wrong folder says so, and leaves no folder, database or key
//! file behind that a later start would take for its own.

use std::path::PathBuf;

use control::{App, Settings, billing};
use domain::{Clock, Error, Result};
use store::dialect::Location;
use store::{Schema, Sealer, Store};

use crate::config::{Place, endpoints};

/// For `arcus serve`: opens the store, and makes the data folder where it is missing, for its owner's eyes only.
pub(crate) async fn store(place: &Place) -> Result<Store> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place.data_dir)
        .map_err(|error| {
            Error::invalid(format!(
                "the data folder {} can't be made: {error}",
                place.data_dir.display()
            ))
        })?;
    let store = open(place, Schema::Migrate).await?;
    let mut session = store.write().await?;
    control::catalog::defaults::seed(&mut session).await?;
    session.commit().await?;
    Ok(store)
}

/// For every other command: opens the store that `arcus serve` has made.
pub(crate) async fn existing(place: &Place) -> Result<Store> {
    let missing = |what: String, flag: &str| {
        Err(Error::invalid(format!(
            "there is no {what}: start `arcus serve` once, or say where it is with {flag}"
        )))
    };
    if let Location::Sqlite(path) = location(place)?
        && !path.exists()
    {
        return if place.database_url.is_none() {
            let folder = place.data_dir.display();
            missing(format!("Arcus database in {folder}"), "--data-dir")
        } else {
            missing(
                format!("Arcus database at {}", path.display()),
                "--database-url",
            )
        };
    }
    let keys = keys(place);
    if !keys.exists() {
        return missing(format!("key file {}", keys.display()), "--key-file");
    }
    open(place, Schema::Current).await
}

/// The use cases, for a command that runs beside the server or without one. Of money and quotas it goes by what the server
/// goes by, as that has kept it in the database.
pub(crate) async fn app(place: &Place) -> Result<App> {
    let store = existing(place).await?;
    let kept = billing::kept(&store).await?.ok_or_else(|| {
        Error::invalid(
            "`arcus serve` has not been started with this database yet, and its settings are not known: start it once",
        )
    })?;
    let settings = Settings {
        sandbox: Some(place.sandbox()),
        // The operator at the keyboard may reach what the operator's server reaches.
        allow_private_networks: true,
        endpoints: endpoints(),
        billing: kept.billing,
        quota: kept.quota,
        ..Settings::default()
    };
    App::new(store, settings).await
}

async fn open(place: &Place, schema: Schema) -> Result<Store> {
    let sealer = Sealer::open(&keys(place))?;
    Store::open(&location(place)?, sealer, Clock::System, schema).await
}

fn location(place: &Place) -> Result<Location> {
    match &place.database_url {
        Some(url) => url.parse(),
        None => Ok(Location::Sqlite(place.data_dir.join("arcus.db"))),
    }
}

fn keys(place: &Place) -> PathBuf {
    place
        .key_file
        .clone()
        .unwrap_or_else(|| place.data_dir.join("keys"))
}
