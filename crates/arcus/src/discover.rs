//! The regions that Arcus offers by itself: `local`, where Incus is found on this machine, and `sandbox`, where the
//! simulated cloud is on.
//!
//! Called by `serve` at each start. What must stay true: a region that the operator has removed is not offered again.

use std::path::Path;
use std::time::Duration;

use control::App;
use control::catalog::house;
use domain::credentials::Credentials;
use domain::offer::Overcommit;
use domain::{Error, ErrorKind};
use serde_json::{Map, Value};
use store::house::HouseRegion;

use crate::house::measure;

/// Where Incus listens, by distribution.
const SOCKETS: [&str; 2] = ["/var/lib/incus/unix.socket", "/run/incus/unix.socket"];

/// How long a start waits for a cloud to answer: one that hangs must not keep the others from being served.
const PATIENCE: Duration = Duration::from_secs(5);

/// Adds a region, unless its cloud does not answer in time.
pub(crate) async fn put(app: &App, region: &HouseRegion) -> domain::Result<()> {
    let put = tokio::time::timeout(PATIENCE, house::put_region(app, region)).await;
    put.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::CloudUnavailable,
            "its cloud does not answer",
        ))
    })?;
    // One that does not say in time is looked at by the reconciler.
    let measured = tokio::time::timeout(PATIENCE, measure(app, region)).await;
    measured.map_or(Ok(()), |measured| measured.map(drop))
}

/// Adds the region `sandbox` where the simulated cloud is on and no region is on it.
pub(crate) async fn sandbox(app: &App) -> domain::Result<()> {
    let known = house::regions(app).await?;
    if app.settings.sandbox.is_none()
        || known.iter().any(|region| region.cloud == "sandbox")
        || !house::may_offer(app, "sandbox").await?
    {
        return Ok(());
    }
    let region = HouseRegion {
        slug: "sandbox".to_owned(),
        name: "Sandbox (simulated)".to_owned(),
        cloud: "sandbox".to_owned(),
        options: Map::new(),
        credentials: Credentials::default(),
        country: String::new(),
        overcommit: Overcommit::default(),
        open: true,
        source: "found".to_owned(),
    };
    house::put_region(app, &region).await
}

/// Adds the region `local` where no region of a real cloud is known and Incus answers on this machine.
pub(crate) async fn incus(app: &App) -> domain::Result<()> {
    let known = house::regions(app).await?;
    if known.iter().any(|region| region.cloud != "sandbox")
        || !house::may_offer(app, "local").await?
    {
        return Ok(());
    }
    let Some(socket) = SOCKETS
        .into_iter()
        .find(|socket| Path::new(socket).exists())
    else {
        return Ok(());
    };
    let url = ("url".to_owned(), Value::String(format!("unix://{socket}")));
    let region = HouseRegion {
        slug: "local".to_owned(),
        name: "This machine".to_owned(),
        cloud: "incus".to_owned(),
        options: Map::from_iter([url]),
        credentials: Credentials::default(),
        country: String::new(),
        overcommit: Overcommit::default(),
        open: true,
        source: "found".to_owned(),
    };
    match put(app, &region).await {
        Ok(()) => tracing::info!(
            socket,
            "Incus was found on this machine; it is the region \"local\""
        ),
        Err(error) => tracing::warn!(
            socket,
            error = error.message(),
            "Incus was found on this machine and does not let us in; add a region with: arcus region add"
        ),
    }
    Ok(())
}
