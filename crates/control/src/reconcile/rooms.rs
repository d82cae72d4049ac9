//! Looks how large the operator's regions are, for the limits that the operator has set on what is sold of them. Of a region
//! that has never said so and has limits nothing is sold: whoever puts one there has it looked at then.

use std::time::Duration;

use domain::{Result, random};
use futures::future::join_all;
use store::house::HouseRegion;

use crate::app::App;
use crate::operations::retry;

/// How often.
const EVERY: Duration = Duration::from_mins(5);

/// How long one region may take to say.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs for ever.
pub(super) async fn run(app: App) {
    loop {
        if let Err(error) = look(&app).await {
            tracing::warn!(
                error = error.private(),
                "the regions' sizes can't be looked at"
            );
        }
        tokio::time::sleep(EVERY.mul_f64(0.9 + random::fraction() / 5.0)).await;
    }
}

async fn look(app: &App) -> Result<()> {
    let regions = store::house::regions(&mut app.store.read().await?).await?;
    // One that is away is not the others' business.
    let looks = regions.iter().map(|region| async {
        match tokio::time::timeout(PATIENCE, look_at(app, region)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(
                region = region.slug,
                error = error.message(),
                "a region does not say how large it is"
            ),
            Err(_) => tracing::info!(region = region.slug, "a region does not answer"),
        }
    });
    join_all(looks).await;
    Ok(())
}

async fn look_at(app: &App, region: &HouseRegion) -> Result<()> {
    let account = app.house_account(region)?;
    let Some(capacity) = account.cloud.capacity().await.map_err(retry::as_error)? else {
        return Ok(());
    };
    let mut session = app.store.read().await?;
    let known = store::house::capacity(&mut session, &region.slug).await?;
    drop(session);
    if known == Some(capacity) {
        return Ok(());
    }
    let mut session = app.store.write().await?;
    store::house::set_capacity(&mut session, &region.slug, &capacity).await?;
    session.commit().await
}
