//! Money: what organisations have, what they are charged, and what happens where it does not suffice.
//!
//! Called by the façades, the reconcilers and the command line. What must stay true: every change of a balance is a
//! transaction of the ledger, written under the lock of that balance together with what it is for; what is charged is
//! decided by `domain::billing` alone; everything here can be done again, by two replicas at once, and after a crash at any
//! point.

mod charge;
mod cover;
mod deposit;
mod html;
mod invoices;
pub mod payment;
mod settings;
mod stripe;
mod suspension;

use domain::account::Actor;
use domain::ledger::{Invoice, Transaction, TransactionKind};
use domain::{Error, Money, OrganisationId, Result};
use store::Session;
use store::ledger::{Account, Held, Posting};

pub use charge::{Charged, charge_due};
pub use cover::must_cover;
pub(crate) use cover::suspended;
pub use deposit::{Deposit, credit, pay_back, payment, refund};
pub use html::{Letterhead, invoice_html};
pub use payment::{signature_header, start_top_up, webhook};
pub use settings::{BillingSettings, StripeSettings};
pub use suspension::{resume, suspend};

use crate::app::App;

/// So many transactions are listed.
const LISTED: i64 = 1000;

/// What an organisation has; less than nothing where it owes.
pub async fn balance(app: &App, organisation: OrganisationId) -> Result<Money> {
    let mut session = app.store.read().await?;
    let known = store::ledger::balance(&mut session, organisation).await?;
    drop(session);
    if let Some(balance) = known {
        return Ok(balance);
    }
    let mut session = app.store.write().await?;
    let held = hold(&mut session, app, organisation).await?;
    session.commit().await?;
    Ok(held.balance)
}

/// The organisation's last transactions, the newest first.
pub async fn transactions(app: &App, actor: &Actor) -> Result<Vec<Transaction>> {
    transactions_of(app, actor.organisation.id).await
}

/// The same for the operator.
pub async fn transactions_of(app: &App, organisation: OrganisationId) -> Result<Vec<Transaction>> {
    // The first look at the money is what the starting credit is given at.
    balance(app, organisation).await?;
    let mut session = app.store.read().await?;
    store::ledger::transactions(&mut session, organisation, LISTED).await
}

/// The organisation's invoices, the newest first.
pub async fn invoices(app: &App, actor: &Actor) -> Result<Vec<Invoice>> {
    store::invoices::list(&mut app.store.read().await?, actor.organisation.id).await
}

/// The organisation's invoice of that number. Errors: `NotFound`.
pub async fn invoice(app: &App, actor: &Actor, number: i64) -> Result<Invoice> {
    let mut session = app.store.read().await?;
    store::invoices::by_number(&mut session, actor.organisation.id, number)
        .await?
        .ok_or_else(|| Error::not_found("invoice"))
}

/// Locks an organisation's balance, and gives it its starting credit where this is the first that is done with it.
async fn hold(session: &mut Session, app: &App, organisation: OrganisationId) -> Result<Held> {
    let mut held = store::ledger::hold(session, organisation).await?;
    let settings = &app.settings.billing;
    if held.is_new() && settings.on && settings.starting_credit > Money(0) {
        let starting_credit = Posting {
            kind: TransactionKind::Credit,
            amount: settings.starting_credit,
            against: Account::Credit,
            description: "starting credit",
            once: Some(&format!("starting-credit:{organisation}")),
        };
        store::ledger::post(session, &mut held, &starting_credit).await?;
    }
    Ok(held)
}

/// An amount with its currency, for people.
fn printed(app: &App, amount: Money) -> String {
    format!("{amount} {}", app.settings.billing.currency)
}
