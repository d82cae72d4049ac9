//! Writing the invoices of the months that are over.
//!
//! What must stay true: the invoice of a month holds every hour that was ever charged in it. So it is written under the
//! locks of charging, once nothing of the month is left to charge; afterwards no interval begins in that month any more.

use std::sync::atomic::Ordering;

use domain::billing::Month;
use domain::{Money, OrganisationId, Result, Timestamp};
use store::invoices::NewInvoice;

use super::charge::tell;
use crate::app::App;

/// Writes what is missing of the months that were over at `began`, when the run of charging began; how many that were.
/// `is_charged`: whether that run has charged everybody.
pub(super) async fn write_due(app: &App, began: Timestamp, is_charged: bool) -> Result<usize> {
    let current = Month::of(began);
    // Once a month there is something to look for.
    if app.invoiced.load(Ordering::Relaxed) == current.0 {
        return Ok(0);
    }
    let organisations = store::accounts::organisations(&mut app.store.read().await?).await?;
    let (mut written, mut is_complete) = (0, is_charged);
    for organisation in organisations {
        match write_of(app, organisation.id, current).await {
            Ok(Some(count)) => written += count,
            Ok(None) => is_complete = false,
            Err(error) => {
                tell(organisation.id, &error);
                is_complete = false;
            }
        }
    }
    if is_complete {
        app.invoiced.store(current.0, Ordering::Relaxed);
    }
    Ok(written)
}

/// Writes the invoices of an organisation that are missing; `None` where something is left to charge first.
async fn write_of(
    app: &App,
    organisation: OrganisationId,
    current: Month,
) -> Result<Option<usize>> {
    let mut session = app.store.read().await?;
    let missing =
        store::charges::months_without_invoice(&mut session, organisation, current).await?;
    drop(session);
    for month in &missing {
        if !write(app, organisation, *month).await? {
            return Ok(None);
        }
    }
    Ok(Some(missing.len()))
}

/// Writes the invoice of a month, unless another replica has; false where something of the month is left to charge.
async fn write(app: &App, organisation: OrganisationId, month: Month) -> Result<bool> {
    let mut session = app.store.write().await?;
    store::ledger::hold(&mut session, organisation).await?;
    store::billing::hold(&mut session, organisation).await?;
    let metered = store::billing::metered(&mut session, organisation).await?;
    let left = |due_at: Timestamp| due_at < month.ends();
    if left(session.now())
        || metered
            .iter()
            .any(|metered| metered.next_due().is_some_and(left))
    {
        return Ok(false);
    }
    let missing =
        store::charges::months_without_invoice(&mut session, organisation, month.next()).await?;
    if !missing.contains(&month) {
        return Ok(true);
    }
    let lines = store::charges::lines(&mut session, organisation, month).await?;
    let mut total = Money(0);
    for line in &lines {
        total = total.plus(line.amount)?;
    }
    let new = NewInvoice {
        organisation,
        month,
        lines: &lines,
        total,
        currency: &app.settings.billing.currency,
    };
    let number = store::invoices::create(&mut session, &new).await?;
    session.commit().await?;
    tracing::info!(%organisation, %month, number, "an invoice was written");
    Ok(true)
}
