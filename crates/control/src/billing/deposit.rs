//! What changes a balance by somebody's word: payments, credits and refunds.
//!
//! Called by the operator's command line and by the webhook of the payment provider. What must stay true: what has a key
//! happens once, however often it is told; whoever ceases to owe is not suspended any more.

use domain::ledger::{Transaction, TransactionKind};
use domain::{Error, ErrorKind, Money, OrganisationId, Result};
use store::ledger::{Account, Posting};

use super::{hold, printed, suspension};
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

/// The organisation has paid. Told again with the same key, the answer is the first's.
pub async fn payment(app: &App, deposit: &Deposit<'_>) -> Result<Transaction> {
    let (kind, against) = (TransactionKind::Payment, Account::Cash);
    post(app, deposit, kind, deposit.amount, against).await
}

/// The operator gives something.
pub async fn credit(app: &App, deposit: &Deposit<'_>) -> Result<Transaction> {
    let (kind, against) = (TransactionKind::Credit, Account::Credit);
    post(app, deposit, kind, deposit.amount, against).await
}

/// What was charged is given back to the balance.
pub async fn refund(app: &App, deposit: &Deposit<'_>) -> Result<Transaction> {
    let (kind, against) = (TransactionKind::Refund, Account::Revenue);
    post(app, deposit, kind, deposit.amount, against).await
}

/// What was paid is paid back, and taken from the balance.
///
/// Errors: `Payment` where the balance is less.
pub async fn pay_back(app: &App, deposit: &Deposit<'_>) -> Result<Transaction> {
    let amount = Money(0).minus(deposit.amount)?;
    let (kind, against) = (TransactionKind::Refund, Account::Cash);
    post(app, deposit, kind, amount, against).await
}

async fn post(
    app: &App,
    deposit: &Deposit<'_>,
    kind: TransactionKind,
    amount: Money,
    against: Account,
) -> Result<Transaction> {
    if deposit.amount <= Money(0) {
        return Err(Error::invalid(
            "the amount has to be more than nothing; nothing was changed",
        ));
    }
    let organisation = deposit.organisation;
    let mut session = app.store.write().await?;
    let mut held = hold(&mut session, app, organisation).await?;
    if let Some(once) = deposit.once
        && let Some(done) = store::ledger::posted(&mut session, once).await?
    {
        return Ok(done);
    }
    if held.balance.plus(amount)? < Money(0) && amount < Money(0) {
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
    if amount > Money(0) {
        store::ledger::set_warned(&mut session, &mut held, false).await?;
    }
    let is_free = suspension::lift(&mut session, app, &held).await?;
    let action = format!("billing.{}", kind.as_str());
    let subject = format!("{organisation}/{}", transaction.seq);
    store::audit::record_operator(&mut session, deposit.by, &action, &subject).await?;
    session.commit().await?;
    if is_free && let Err(error) = suspension::follow(app).await {
        // The money is there; the servers follow with the next run.
        tracing::warn!(%organisation, error = error.private(), "servers can't be switched on again yet");
    }
    Ok(transaction)
}
