//! The operator's own regions, plans and images: reading and choosing them, and `arcus region|plan|image add|ls|rm`.
//!
//! What is chosen may be another provider's as well. What must stay true: nobody gets what was closed but who has it.

use domain::{Error, Image, Plan, Region, Result, billing, names};
use serde_json::Value;
use store::Session;
use store::house::HouseRegion;

use crate::app::App;

/// The image with that slug.
pub(crate) async fn image(session: &mut Session, slug: &str) -> Result<Image> {
    let images = store::house::images(session).await?;
    choose(&images, |image| &image.slug, slug, "image").cloned()
}

/// The one of that slug, or an error that lists those there are.
pub(crate) fn choose<'a, T>(
    all: &'a [T],
    name: impl Fn(&T) -> &String,
    wanted: &str,
    what: &str,
) -> Result<&'a T> {
    all.iter().find(|one| name(one) == wanted).ok_or_else(|| {
        let known = all
            .iter()
            .map(|one| name(one).as_str())
            .collect::<Vec<_>>()
            .join(", ");
        let known = if known.is_empty() { "none" } else { &known };
        Error::invalid(format!("there is no {what} {wanted:?}; there are: {known}")).field(what)
    })
}

/// What servers are sold as parts of: each of a kind has a slug, and may be closed.
pub(crate) trait CatalogItem {
    /// What users write.
    fn slug(&self) -> &String;

    /// Whether servers may get it that have it not.
    fn is_open(&self) -> bool;
}

impl CatalogItem for Region {
    fn slug(&self) -> &String {
        &self.slug
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

impl CatalogItem for Plan {
    fn slug(&self) -> &String {
        &self.slug
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

impl CatalogItem for Image {
    fn slug(&self) -> &String {
        &self.slug
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

/// The one of that slug, for a server that has it not. Errors: `Invalid` where there is none, and where it was closed.
pub(crate) fn on_sale<'a, T: CatalogItem>(all: &'a [T], slug: &str, what: &str) -> Result<&'a T> {
    let chosen = choose(all, T::slug, slug, what)?;
    if chosen.is_open() {
        return Ok(chosen);
    }
    let message = format!(
        "the {what} {slug:?} is not open for new servers, nor for others to change to; nothing was done: choose another"
    );
    Err(Error::invalid(message).field(what))
}

/// Adds one of the operator's regions, or changes it, after its cloud was reached.
///
/// Errors: `Conflict` where servers live in it and its cloud or an option is another one: they would be looked for
/// elsewhere, and taken for gone.
pub async fn put_region(app: &App, region: &HouseRegion) -> Result<()> {
    names::label("a region", &region.slug)?;
    let account = app.house_account(region)?;
    account
        .cloud
        .check()
        .await
        .map_err(crate::operations::retry::as_error)?;
    let mut session = app.store.write().await?;
    let known = store::house::regions(&mut session).await?;
    if let Some(known) = known.iter().find(|known| known.slug == region.slug)
        && (known.cloud != region.cloud || known.options != region.options)
        && store::servers::any_in_house_region(&mut session, &region.slug).await?
    {
        return Err(Error::conflict(format!(
            "servers live in region {:?}, and with another cloud or other options they would not be found again; nothing \
             was changed: leave its cloud and its options as they are, or add a region of another name",
            region.slug
        )));
    }
    store::house::put_region(&mut session, region).await?;
    store::audit::record_operator(&mut session, &region.source, "region.put", &region.slug).await?;
    session.commit().await
}

/// The operator's regions.
pub async fn regions(app: &App) -> Result<Vec<HouseRegion>> {
    store::house::regions(&mut app.store.read().await?).await
}

/// Whether Arcus may offer a region of that slug by itself: there is none, and the operator has not removed one.
pub async fn may_offer(app: &App, slug: &str) -> Result<bool> {
    let mut session = app.store.read().await?;
    let there = store::house::region_by_slug(&mut session, slug).await?;
    Ok(there.is_none() && !store::house::region_was_removed(&mut session, slug).await?)
}

/// Removes a region. Errors: `Conflict` while servers live there.
pub async fn remove_region(app: &App, slug: &str) -> Result<()> {
    let mut session = app.store.write().await?;
    if store::servers::any_in_house_region(&mut session, slug).await? {
        return Err(Error::conflict(format!(
            "servers live in region {slug:?}; nothing was removed: destroy them, or close the region"
        )));
    }
    if !store::house::remove_region(&mut session, slug).await? {
        return Err(Error::not_found("region"));
    }
    store::audit::record_operator(&mut session, "cli", "region.remove", slug).await?;
    session.commit().await
}

/// Adds a plan, or changes it for the servers to come.
///
/// Errors: `Invalid` for one that is too small for anything, and for prices by which its servers would cost nothing.
pub async fn put_plan(app: &App, plan: &Plan, source: &str) -> Result<()> {
    names::label("a plan", &plan.slug)?;
    if plan.cpus == 0 || plan.memory_mib < 64 || plan.disk_gib == 0 {
        return Err(Error::invalid(
            "a plan has at least 1 CPU, 64 MiB of memory and 1 GiB of disk",
        ));
    }
    // Whoever calls this has it from there, and nobody gets past it.
    billing::monthly_price(plan.hourly, Some(plan.monthly))?;
    let mut session = app.store.write().await?;
    store::house::put_plan(&mut session, plan, source, false).await?;
    store::audit::record_operator(&mut session, source, "plan.put", &plan.slug).await?;
    session.commit().await
}

/// The operator's plans.
pub async fn plans(app: &App) -> Result<Vec<Plan>> {
    store::house::plans(&mut app.store.read().await?).await
}

/// Removes a plan. Servers that have it keep it.
pub async fn remove_plan(app: &App, slug: &str) -> Result<()> {
    let mut session = app.store.write().await?;
    if !store::house::remove_plan(&mut session, slug).await? {
        return Err(Error::not_found("plan"));
    }
    store::audit::record_operator(&mut session, "cli", "plan.remove", slug).await?;
    session.commit().await
}

/// Adds an image, or changes it for the servers to come.
pub async fn put_image(app: &App, image: &Image, source: &str) -> Result<()> {
    names::label("an image", &image.slug)?;
    if image.source.alias.is_none() && image.source.remote_alias.is_none() {
        return Err(Error::invalid(
            "an image needs a local alias, or a simplestreams server and an alias there",
        ));
    }
    let mut session = app.store.write().await?;
    store::house::put_image(&mut session, image, source, false).await?;
    store::audit::record_operator(&mut session, source, "image.put", &image.slug).await?;
    session.commit().await
}

/// The operator's images.
pub async fn images(app: &App) -> Result<Vec<Image>> {
    store::house::images(&mut app.store.read().await?).await
}

/// Removes an image. Servers that were made from it live on.
pub async fn remove_image(app: &App, slug: &str) -> Result<()> {
    let mut session = app.store.write().await?;
    if !store::house::remove_image(&mut session, slug).await? {
        return Err(Error::not_found("image"));
    }
    store::audit::record_operator(&mut session, "cli", "image.remove", slug).await?;
    session.commit().await
}

/// What users see of a region.
pub(crate) fn shown(region: &HouseRegion) -> Region {
    let endpoint = region
        .options
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    // The path of a socket is the operator's business.
    let endpoint = endpoint.strip_prefix("https://").unwrap_or(&region.slug);
    Region {
        slug: region.slug.clone(),
        name: region.name.clone(),
        endpoint: endpoint.to_owned(),
        country: region.country.clone(),
        open: region.open,
    }
}
