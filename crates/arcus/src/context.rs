//! Opens the database for a command.

use control::{App, Settings};
use domain::{Clock, Error, Result};
use store::dialect::Location;
use store::{Sealer, Store};

use crate::config::Place;

/// Opens the store, and makes the data folder where it is missing, for its owner's eyes only.
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
    let location: Location = match &place.database_url {
        Some(url) => url.parse()?,
        None => Location::Sqlite(place.data_dir.join("arcus.db")),
    };
    let keys = place
        .key_file
        .clone()
        .unwrap_or_else(|| place.data_dir.join("keys"));
    let store = Store::open(&location, Sealer::open(&keys)?, Clock::System).await?;
    let mut session = store.write().await?;
    control::catalog::defaults::seed(&mut session).await?;
    session.commit().await?;
    Ok(store)
}

/// The use cases, for a command that runs beside the server or without one.
pub(crate) async fn app(place: &Place) -> Result<App> {
    let settings = Settings {
        sandbox: Some(place.sandbox()),
        ..Settings::default()
    };
    App::new(store(place).await?, settings).await
}
