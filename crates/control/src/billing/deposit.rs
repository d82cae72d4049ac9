//! What changes a balance by somebody's word: payments, credits and refunds.
//!
//! Called by the operator's command line and by the webhook of the payment provider. What must stay true: what has a key
//! happens once, however often it is told, and for one organisation; whoever ceases to owe is not suspended any more, and
//! whoever begins to is.

use domain::ledger::{Transaction, TransactionKind};
use domain::{Error, ErrorKind, Money, OrganisationId, Result};
use store::Session;
use store::ledger::{Account, Posting};

use super::{account, printed, suspension};
use crate::app::App;

/// An amount for an organisation's balance.
#[derive(Debug, Clone, Copy)]
pub struct Deposit<'a> {
    /// Whose balance.
    pub organisation: OrganisationId,
    /// How much; more than nothing.
    pub amount: Money,
    /// What for.
    pub description: &'a str,
    /// Who says so, for the audit trail: `cli`, `stripe`.
    pub by: &'a str,
    /// What may happen once and no more, such as `stripe:ID`.
    pub once: Option<&'a str>,
}

/// How far what is paid back may take a balance down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// To nothing.
    Zero,
    /// As far as it takes, as when a bank has taken back what was spent already: the organisation owes it then, and is
    /// suspended until it pays.
    Nowhere,
}

/// The organisation has paid. Told again with the same key, the answer is the first's.
pub async fn payment(app: &App, deposit: &Deposit<'_>) -> Result<Transaction> {
    let (kind, against) = (TransactionKind::Payment, Account::Cash);
    post(app, deposit, kind, deposit.amount, against, Floor::Zero).await
}

/// The operator gives something.
pub async fn credit(app: &App, deposit: &Deposit<'_>) -> Result<Transaction> {
    let (kind, against) = (TransactionKind::Credit, Account::Credit);
    post(app, deposit, kind, deposit.amount, against, Floor::Zero).await
}

/// What was charged is given back to the balance.
pub async fn refund(app: &App, deposit: &Deposit<'_>) -> Result<Transaction> {
    let (kind, against) = (TransactionKind::Refund, Account::Revenue);
    post(app, deposit, kind, deposit.amount, against, Floor::Zero).await
}

/// What was paid is paid back, and taken from the balance.
///
/// Errors: `Payment` where the balance would be below its floor.
pub async fn pay_back(app: &App, deposit: &Deposit<'_>, floor: Floor) -> Result<Transaction> {
    let amount = Money(0).minus(deposit.amount)?;
    let (kind, against) = (TransactionKind::Refund, Account::Cash);
    post(app, deposit, kind, amount, against, floor).await
}

async fn post(
    app: &App,
    deposit: &Deposit<'_>,
    kind: TransactionKind,
    amount: Money,
    against: Account,
    floor: Floor,
) -> Result<Transaction> {
    if deposit.amount <= Money(0) {
        return Err(Error::invalid(
            "the amount has to be more than nothing; nothing was changed",
        ));
    }
    let organisation = deposit.organisation;
    let mut session = app.store.write().await?;
    let mut held = account::open(&mut session, app, organisation).await?;
    if let Some(once) = deposit.once
        && let Some(done) = done_before(&mut session, deposit, amount, once).await?
    {
        return Ok(done);
    }
    let left = held.balance.plus(amount)?;
    if amount < Money(0) && left < Money(0) && floor == Floor::Zero {
        return Err(Error::new(
            ErrorKind::Payment,
            format!(
                "the balance is {}, less than what is to be paid back; nothing was changed",
                printed(app, held.balance)
            ),
        ));
    }
    let posting = Posting {
        kind,
        amount,
        against,
        description: deposit.description,
        once: deposit.once,
    };
    let transaction = store::ledger::post(&mut session, &mut held, &posting).await?;
    let switches = if amount > Money(0) {
        store::ledger::set_warned(&mut session, &mut held, false).await?;
        suspension::lift(&mut session, app, &held).await?
    } else if left < Money(0) && app.settings.billing.on {
        suspension::for_balance(&mut session, app, &held).await?;
        true
    } else {
        false
    };
    let action = format!("billing.{}", kind.as_str());
    let subject = format!("{organisation}/{}", transaction.seq);
    store::audit::record_operator(&mut session, deposit.by, &action, &subject).await?;
    session.commit().await?;
    if switches && let Err(error) = suspension::follow(app).await {
        // The transaction is there; the servers follow with the next run.
        tracing::warn!(%organisation, error = error.private(), "servers can't be switched yet");
    }
    Ok(transaction)
}

/// What was done with that key before.
///
/// Errors: `Conflict` where it was something else: then it is a mistake, and nobody is to believe that it was done.
async fn done_before(
    session: &mut Session,
    deposit: &Deposit<'_>,
    amount: Money,
    once: &str,
) -> Result<Option<Transaction>> {
    let Some((organisation, done)) = store::ledger::posted(session, once).await? else {
        return Ok(None);
    };
    if organisation == deposit.organisation && done.amount == amount {
        return Ok(Some(done));
    }
    let whose = store::customers::by_id(session, organisation).await?;
    let slug = whose.organisation.slug;
    Err(Error::conflict(format!(
        "that was noted before, as {} of {slug}; nothing was changed: see its transactions",
        done.amount
    )))
}
