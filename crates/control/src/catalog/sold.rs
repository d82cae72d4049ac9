//! What the operator sells, as anybody may see it.

use domain::{Image, Plan, Region, Result};

use super::house::{self, CatalogItem};
use crate::app::App;

/// What is sold.
#[derive(Debug, Clone)]
pub struct Sold {
    /// The operator's regions, those that take no new servers included.
    pub regions: Vec<Region>,
    /// The plans that new servers may have.
    pub plans: Vec<Plan>,
    /// The images that new servers may be made from.
    pub images: Vec<Image>,
}

// === impl Sold ===

impl Sold {
    /// The slugs of the regions: every plan and every image is to be had in each.
    pub fn region_slugs(&self) -> Vec<String> {
        self.regions
            .iter()
            .map(|region| region.slug.clone())
            .collect()
    }
}

/// What the operator sells.
pub async fn on_sale(app: &App) -> Result<Sold> {
    let mut session = app.store.read().await?;
    let regions = store::house::regions(&mut session).await?;
    let mut sold = Sold {
        regions: regions.iter().map(house::shown).collect(),
        plans: store::house::plans(&mut session).await?,
        images: store::house::images(&mut session).await?,
    };
    sold.plans.retain(CatalogItem::is_open);
    sold.images.retain(CatalogItem::is_open);
    Ok(sold)
}
