//! What a provider sells: from its cloud, kept for a while, so that a form need not wait.
//!
//! What is older than [`FRESH`] is given out still, and asked for anew in the background; what is older than [`OLDEST`] is
//! waited for. What must stay true: whoever reads it is told how old it is.

use std::sync::PoisonError;
use std::time::Duration;

use clouds::Offer;
use clouds::budget::on_behalf_of;
use domain::account::Actor;
use domain::environment::Provider;
use domain::{Error, Image, Plan, ProviderId, PublicId, Region, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::app::{App, HOUSE};
use crate::catalog::house;
use crate::operations::retry;

/// How old a look may be before the cloud is asked again.
const FRESH: Duration = Duration::from_mins(5);

/// How old a look may be that is given out while the cloud is asked again.
const OLDEST: Duration = Duration::from_hours(1);

/// What is sold, and when that was seen.
#[derive(Debug, Clone)]
pub struct Dated {
    /// What is sold.
    pub offer: Offer,
    /// When that was seen.
    pub seen_at: Timestamp,
    /// Whether a price of nothing says that its cloud doesn't tell it.
    pub prices_may_lack: bool,
}

/// What is kept of an offer between two looks.
#[derive(Serialize, Deserialize)]
struct Kept {
    regions: Vec<Region>,
    plans: Vec<Plan>,
    images: Vec<Image>,
    #[serde(default)]
    currency: Option<String>,
}

/// What the organisation's provider with that id sells.
pub async fn offer(app: &App, actor: &Actor, id: &PublicId) -> Result<Dated> {
    let provider = super::find(app, actor, id).await?;
    of_provider(app, &provider).await
}

/// What a provider sells: its own regions, with the operator's plans and images where it has none.
pub(crate) async fn of_provider(app: &App, provider: &Provider) -> Result<Dated> {
    let mut dated = if provider.kind == HOUSE {
        house_regions(app).await?
    } else {
        kept_or_live(app, provider).await?
    };
    let mut session = app.store.read().await?;
    if dated.offer.plans.is_empty() {
        dated.offer.plans = store::house::plans(&mut session).await?;
    }
    if dated.offer.images.is_empty() {
        dated.offer.images = store::house::images(&mut session).await?;
    }
    Ok(dated)
}

async fn house_regions(app: &App) -> Result<Dated> {
    let billing = &app.settings.billing;
    let mut session = app.store.read().await?;
    let regions = store::house::regions(&mut session)
        .await?
        .iter()
        .map(house::shown)
        .collect();
    Ok(Dated {
        offer: Offer {
            regions,
            currency: billing.on.then(|| billing.currency.clone()),
            ..Offer::default()
        },
        seen_at: session.now(),
        prices_may_lack: false,
    })
}

async fn kept_or_live(app: &App, provider: &Provider) -> Result<Dated> {
    let mut session = app.store.read().await?;
    let kept = store::providers::offer(&mut session, provider.id).await?;
    let now = session.now();
    drop(session);
    if let Some((value, at)) = &kept
        && now.since(*at) < OLDEST
        && let Ok(kept) = serde_json::from_value::<Kept>(value.clone())
    {
        if now.since(*at) >= FRESH {
            refresh(app, provider);
        }
        return Ok(kept.dated(*at));
    }
    match live(app, provider).await {
        Ok(live) => Ok(live),
        // An old look beats none; the answer tells how old it is.
        Err(error) => match kept
            .and_then(|(value, at)| Some((serde_json::from_value::<Kept>(value).ok()?, at)))
        {
            Some((kept, at)) => Ok(kept.dated(at)),
            None => Err(error),
        },
    }
}

/// Asks the cloud in the background, unless that is being done.
fn refresh(app: &App, provider: &Provider) {
    let refreshing = || {
        let held = app.refreshing.lock();
        held.unwrap_or_else(PoisonError::into_inner)
    };
    if !refreshing().insert(provider.id) {
        return;
    }
    let (app, provider) = (app.clone(), provider.clone());
    tokio::spawn(async move {
        let refreshing = Refreshing(&app, provider.id);
        let asked = app.shutdown.run_until_cancelled(live(&app, &provider));
        if let Some(Err(error)) = asked.await {
            tracing::info!(
                provider = %provider.id,
                error = error.message(),
                "what a cloud sells can't be asked for; the last look is used on"
            );
        }
        drop(refreshing);
    });
}

/// However it ends, another may be begun after it.
struct Refreshing<'a>(&'a App, ProviderId);

impl Drop for Refreshing<'_> {
    fn drop(&mut self) {
        let held = self.0.refreshing.lock();
        held.unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

async fn live(app: &App, provider: &Provider) -> Result<Dated> {
    let account = app.account(provider, "").await?;
    let asked = on_behalf_of(provider.organisation_id.0, account.cloud.offer());
    let offer = asked.await.map_err(retry::as_error)?;
    let kept = Kept {
        regions: offer.regions.clone(),
        plans: offer.plans.clone(),
        images: offer.images.clone(),
        currency: offer.currency.clone(),
    };
    let value = serde_json::to_value(kept)
        .map_err(|error| Error::internal("an offer can't be kept").source(error))?;
    let mut session = app.store.write().await?;
    store::providers::put_offer(&mut session, provider.id, &value).await?;
    let seen_at = session.now();
    session.commit().await?;
    Ok(Dated {
        prices_may_lack: offer.currency.is_some(),
        offer,
        seen_at,
    })
}

// === impl Kept ===

impl Kept {
    fn dated(self, seen_at: Timestamp) -> Dated {
        let offer = Offer {
            regions: self.regions,
            plans: self.plans,
            images: self.images,
            currency: self.currency,
        };
        Dated {
            prices_may_lack: offer.currency.is_some(),
            offer,
            seen_at,
        }
    }
}
