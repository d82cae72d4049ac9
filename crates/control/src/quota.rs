//! Quotas: how much an organisation may have in the operator's regions.
//!
//! Called within the transaction that is about to add something, before it writes. What must stay true: the organisation's
//! balance stays locked until that transaction ends, so that of many requests at once no more pass than there is room for.

use domain::quota::{Amounts, Overrides};
use domain::{Error, ErrorKind, OrganisationId, Result};
use store::Session;

use crate::app::App;
use crate::billing;

/// Errors: `Quota` with the limit that does not allow `wanted`, what is used of it, and what was asked for.
pub async fn check(
    session: &mut Session,
    app: &App,
    organisation: OrganisationId,
    wanted: &Amounts,
) -> Result<()> {
    billing::open_account(session, app, organisation).await?;
    let overrides = store::quotas::overrides(session, organisation).await?;
    let used = store::quotas::used(session, organisation).await?;
    match app.settings.quota.with(&overrides).exceeded(&used, wanted) {
        None => Ok(()),
        Some(exceeded) => Err(Error::new(
            ErrorKind::Quota,
            format!(
                "the organisation may have {} {}; it has {}, and {} more were asked for; nothing was done: destroy something, \
                 or ask the operator for more",
                exceeded.limit, exceeded.what, exceeded.used, exceeded.asked
            ),
        )),
    }
}

/// Gives an organisation limits of its own, for the operator.
pub async fn set(app: &App, organisation: OrganisationId, overrides: &Overrides) -> Result<()> {
    let mut session = app.store.write().await?;
    store::quotas::set(&mut session, organisation, overrides).await?;
    let subject = organisation.to_string();
    store::audit::record_operator(&mut session, "cli", "quota.set", &subject).await?;
    session.commit().await
}
