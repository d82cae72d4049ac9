//! Organisations' accounts: whoever changes a balance, or relies on it, opens it first.
//!
//! What must stay true: an organisation has its starting credit before anything else, and once: when it registers, or, where
//! that was before there were prices, when `arcus serve` begins. Looking at a balance gives nothing to anybody.

use domain::ledger::TransactionKind;
use domain::{Money, OrganisationId, Result};
use store::Session;
use store::ledger::{Account, Held, Posting};

use super::kept;
use crate::app::App;

/// Locks an organisation's balance until the session ends, and gives it its starting credit where it has had none.
pub(crate) async fn open(
    session: &mut Session,
    app: &App,
    organisation: OrganisationId,
) -> Result<Held> {
    let mut held = store::ledger::hold(session, organisation).await?;
    let settings = &app.settings.billing;
    if held.has_started || !settings.on {
        return Ok(held);
    }
    if settings.starting_credit > Money(0) {
        let starting_credit = Posting {
            kind: TransactionKind::Credit,
            amount: settings.starting_credit,
            against: Account::Credit,
            description: "starting credit",
            once: Some(&format!("starting-credit:{organisation}")),
        };
        store::ledger::post(session, &mut held, &starting_credit).await?;
    }
    store::ledger::start(session, &mut held).await?;
    Ok(held)
}

/// What `arcus serve` does of the money before it does anything else: it keeps its settings where the operator's commands
/// find them, and gives those their starting credit who were there before there were prices.
///
/// Errors: `Invalid` where the currency is not the one that the ledger is in.
pub async fn take_up(app: &App) -> Result<()> {
    kept::keep(app).await?;
    if !app.settings.billing.on {
        return Ok(());
    }
    let mut last = OrganisationId(0);
    loop {
        let mut session = app.store.read().await?;
        let organisations = store::ledger::not_started(&mut session, last).await?;
        drop(session);
        for organisation in &organisations {
            let mut session = app.store.write().await?;
            open(&mut session, app, *organisation).await?;
            session.commit().await?;
        }
        match organisations.last() {
            Some(organisation) => last = *organisation,
            None => return Ok(()),
        }
    }
}
