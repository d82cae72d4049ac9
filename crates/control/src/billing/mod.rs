//! Money: what organisations have, what they are charged, and what happens where it does not suffice.
//!
//! Called by the façades, the reconcilers and the command line. What must stay true: every change of a balance is a
//! transaction of the ledger, written under the lock of that balance together with what it is for; what is charged is
//! decided by `domain::billing` alone; everything here can be done again, by two replicas at once, and after a crash at any
//! point.

mod account;
mod charge;
mod clock;
mod cover;
mod deadline;
mod deposit;
mod html;
mod invoices;
mod kept;
pub mod payment;
mod settings;
mod stripe;
mod suspension;

use domain::account::Actor;
use domain::ledger::{Invoice, Transaction};
use domain::{Error, Money, OrganisationId, Result};

pub(crate) use account::open as open_account;
pub use account::take_up;
pub use charge::{Charged, charge_due};
pub(crate) use cover::suspended;
pub use cover::{More, must_cover};
pub use deposit::{Deposit, Floor, credit, pay_back, payment, refund};
pub use html::invoice_html;
pub use kept::{Kept, kept};
pub use payment::{signature_header, start_top_up, webhook};
pub use settings::{BillingSettings, StripeSettings};
pub use suspension::{resume, suspend};

use crate::app::App;

/// The most transactions that are listed at once.
pub const MOST_LISTED: i64 = 1000;

/// Which of an organisation's transactions are listed.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Those before the transaction with this key; the newest where there is none.
    pub before: Option<i64>,
    /// So many, 1 to [`MOST_LISTED`].
    pub limit: i64,
}

// === impl Page ===

impl Default for Page {
    fn default() -> Self {
        Self {
            before: None,
            limit: MOST_LISTED,
        }
    }
}

/// What an organisation has; less than nothing where it owes.
pub async fn balance(app: &App, organisation: OrganisationId) -> Result<Money> {
    let mut session = app.store.read().await?;
    let known = store::ledger::balance(&mut session, organisation).await?;
    Ok(known.unwrap_or_default())
}

/// The organisation's last transactions, the newest first.
pub async fn transactions(app: &App, actor: &Actor) -> Result<Vec<Transaction>> {
    page_of_transactions(app, actor.organisation.id, &Page::default()).await
}

/// Some of the organisation's transactions, the newest first.
///
/// Errors: `NotFound` where the organisation has no transaction of the key `before`; `Invalid` for a limit out of bounds.
pub async fn page_of_transactions(
    app: &App,
    organisation: OrganisationId,
    page: &Page,
) -> Result<Vec<Transaction>> {
    if !(1..=MOST_LISTED).contains(&page.limit) {
        let message = format!("the limit is a number from 1 to {MOST_LISTED}; nothing was done");
        return Err(Error::invalid(message).field("limit"));
    }
    let mut session = app.store.read().await?;
    let before = match page.before {
        None => i64::MAX,
        Some(before) => store::ledger::seq(&mut session, organisation, before)
            .await?
            .ok_or_else(|| Error::not_found("transaction"))?,
    };
    store::ledger::transactions(&mut session, organisation, before, page.limit).await
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

/// An amount with its currency, for people.
fn printed(app: &App, amount: Money) -> String {
    format!("{amount} {}", app.settings.billing.currency)
}
