//! Writing the invoices of the months that are over.
//!
//! What must stay true: the invoice of a month holds every hour that was ever charged in it. So it is written under the
//! locks of charging, once nothing of the month is left to charge; afterwards no interval begins in that month any more.

use domain::billing::Month;
use domain::{ErrorKind, Money, OrganisationId, Result, Timestamp};
use store::invoices::NewInvoice;

use super::account;
use super::charge::tell;
use crate::app::App;

/// Writes what is missing of the months that are over; how many that were.
pub(super) async fn write_due(app: &App) -> Result<usize> {
    let mut session = app.store.read().await?;
    let current = Month::of(session.now());
    let organisations = store::charges::without_invoice(&mut session, current).await?;
    drop(session);
    let (mut written, mut failed) = (0, None);
    for organisation in organisations {
        loop {
            match write(app, organisation, current).await {
                Ok(true) => written += 1,
                Ok(false) => break,
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => {
                    tell(organisation, &error);
                    failed = Some(error);
                    break;
                }
            }
        }
    }
    failed.map_or(Ok(written), Err)
}

/// Writes the oldest invoice that an organisation lacks of the months before `current`; false where it lacks none, or
/// something of that month is left to charge.
async fn write(app: &App, organisation: OrganisationId, current: Month) -> Result<bool> {
    let mut session = app.store.write().await?;
    account::open(&mut session, app, organisation).await?;
    store::billing::hold(&mut session, organisation).await?;
    let open = store::charges::open_month(&mut session, organisation).await?;
    // Another replica may have written it.
    let Some(month) = open.filter(|month| *month < current) else {
        return Ok(false);
    };
    let metered = store::billing::metered(&mut session, organisation).await?;
    let is_left = |due_at: Timestamp| due_at < month.ends();
    let is_due = |metered: &store::billing::Metered| metered.next_due().is_some_and(is_left);
    if is_left(session.now()) || metered.iter().any(is_due) {
        return Ok(false);
    }
    let lines = store::charges::lines(&mut session, organisation, month).await?;
    let mut total = Money(0);
    for line in &lines {
        total = total.plus(line.amount)?;
    }
    // Both may be called something else one day: an invoice is what it was when it was written.
    let customer = store::customers::by_id(&mut session, organisation).await?;
    let new = NewInvoice {
        organisation,
        month,
        lines: &lines,
        total,
        currency: &app.settings.billing.currency,
        seller: &app.settings.billing.seller,
        customer: &customer.organisation.name,
    };
    let number = store::invoices::create(&mut session, &new).await?;
    session.commit().await?;
    tracing::info!(%organisation, %month, number, "an invoice was written");
    Ok(true)
}
