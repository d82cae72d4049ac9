//! Whether an organisation can afford something.

use domain::{Error, ErrorKind, Money, OrganisationId, Result};
use store::Session;
use store::customers::{Reason, Suspension};

use super::{hold, printed};
use crate::app::App;

/// So many hours of everything have to be covered.
const HOURS: i64 = 24;

/// Refuses what an organisation can't afford: its balance has to cover the next 24 hours of all that it has in the
/// operator's regions, of what is still being made there, and of `extra`, by the hour. Called in the transaction that
/// creates, enlarges or snapshots, before it writes: the balance stays locked until its end, so that requests at once can't
/// spend the same money.
///
/// Errors: `Payment`.
pub async fn must_cover(
    session: &mut Session,
    app: &App,
    organisation: OrganisationId,
    extra: Money,
) -> Result<()> {
    if !app.settings.billing.on {
        return Ok(());
    }
    let held = hold(session, app, organisation).await?;
    if let Some(suspension) = store::customers::suspension(session, organisation).await? {
        return Err(suspended(&suspension));
    }
    let hourly = store::billing::hourly(session, organisation).await?;
    let needed = hourly.plus(extra)?.times(HOURS)?;
    if held.balance >= needed {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Payment,
        format!(
            "the balance is {}, and {HOURS} hours of everything, with what was asked for, cost {}; nothing was done: top \
             the balance up and try again",
            printed(app, held.balance),
            printed(app, needed)
        ),
    ))
}

/// What is told where a suspension stands in the way.
pub(crate) fn suspended(suspension: &Suspension) -> Error {
    let message = match suspension.reason {
        Reason::Balance => {
            "the organisation is suspended, because its balance is below zero; nothing was done: top the balance up, and its \
             servers are switched on again"
        }
        Reason::Operator => {
            "the organisation is suspended by the operator; nothing was done: ask the operator"
        }
    };
    Error::new(ErrorKind::Payment, message)
}
