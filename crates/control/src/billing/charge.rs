//! Charging what is due.
//!
//! Called by the reconciler about once a minute, and by the operator. What must stay true: hours, transaction and balance
//! are written together or not at all, under the lock of the balance; what is due is read after that lock, so that of two
//! who charge at once the second finds nothing left to do.

use domain::billing::Charge;
use domain::ledger::{NoticeKind, TransactionKind};
use domain::{Error, ErrorKind, Money, OrganisationId, Result, ServerId};
use store::Session;
use store::billing::Metered;
use store::ledger::{Account, Held, Posting};

use super::cover::{More, covers};
use super::{account, clock, invoices, printed, suspension};
use crate::app::App;

/// So many hours are charged in one transaction: nobody waits long for the lock, however much there is to catch up with.
const AT_ONCE: usize = 1000;

/// What a run has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charged {
    /// How many hours of servers were charged.
    pub hours: usize,
    /// For how much.
    pub amount: Money,
    /// How many invoices were written.
    pub invoices: usize,
}

/// Charges every organisation what is due by now, writes the invoices of the months that are over, and switches the servers
/// off and on of those who have begun or ceased to owe. What goes wrong with one organisation or server is told at the end,
/// and keeps none of the others.
///
/// Errors: `Conflict` where this machine's clock can't be right.
pub async fn charge_due(app: &App) -> Result<Charged> {
    clock::must_be_right(app).await?;
    let mut charged = Charged::default();
    let mut failed = None;
    if app.settings.billing.on {
        failed = begin_missing(app).await?;
    }
    let organisations = store::billing::unsettled(&mut app.store.read().await?).await?;
    for organisation in organisations {
        match charge(app, organisation, &mut charged).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) => {
                tell(organisation, &error);
                failed = Some(error);
            }
            Ok(()) => {}
        }
    }
    match invoices::write_due(app).await {
        Ok(written) => charged.invoices = written,
        Err(error) => failed = Some(error),
    }
    // On the heap: what it does for whoever is to lose servers is long, and hardly ever happens.
    if let Err(error) = Box::pin(suspension::look(app)).await {
        failed = Some(error);
    }
    failed.map_or(Ok(charged), Err)
}

pub(super) fn tell(organisation: OrganisationId, error: &Error) {
    tracing::error!(
        %organisation,
        error = error.private(),
        message = error.message(),
        "an organisation can't be charged"
    );
}

/// What lives in the operator's regions costs something from now on, if it does not yet: it may be there since before there
/// were prices. What went wrong with the last of those with whom something did.
async fn begin_missing(app: &App) -> Result<Option<Error>> {
    let (mut last, mut failed) = (ServerId(0), None);
    loop {
        let mut session = app.store.read().await?;
        let missing = store::billing::without_interval(&mut session, last).await?;
        drop(session);
        for server in &missing {
            if let Err(error) = begin(app, *server).await {
                tracing::error!(
                    %server,
                    error = error.private(),
                    message = error.message(),
                    "a server does not cost what it should"
                );
                let is_away = error.kind() == ErrorKind::Unavailable;
                failed = Some(error);
                if is_away {
                    return Ok(failed);
                }
            }
        }
        match missing.last() {
            Some(server) => last = *server,
            None => return Ok(failed),
        }
    }
}

async fn begin(app: &App, server: ServerId) -> Result<()> {
    let mut session = app.store.write().await?;
    store::billing::begin(&mut session, server).await?;
    session.commit().await
}

/// Charges one organisation, in as many transactions as it takes.
async fn charge(app: &App, organisation: OrganisationId, charged: &mut Charged) -> Result<()> {
    loop {
        // Nearly always there is nothing to do, and for that nobody is locked out.
        let mut session = app.store.read().await?;
        let now = session.now();
        let metered = store::billing::metered(&mut session, organisation).await?;
        drop(session);
        let is_due = |metered: &Metered| {
            metered.is_closed(now) || metered.next_due().is_some_and(|due_at| due_at <= now)
        };
        if !metered.iter().any(is_due) {
            return Ok(());
        }
        let mut session = app.store.write().await?;
        let is_done = charge_some(&mut session, app, organisation, charged).await?;
        session.commit().await?;
        if is_done {
            return Ok(());
        }
    }
}

/// Charges some hours, within a transaction; whether these were all.
async fn charge_some(
    session: &mut Session,
    app: &App,
    organisation: OrganisationId,
    charged: &mut Charged,
) -> Result<bool> {
    let mut held = account::open(session, app, organisation).await?;
    store::billing::hold(session, organisation).await?;
    let (charges, is_done) = due(session, organisation).await?;
    if charges.is_empty() {
        return Ok(is_done);
    }
    let charges = if app.settings.billing.on {
        charges
    } else {
        charges.into_iter().map(given_away).collect()
    };
    let mut total = Money(0);
    for (_, charge) in &charges {
        total = total.plus(charge.amount)?;
    }
    let transaction = if total > Money(0) {
        let description = match charges.len() {
            1 => "1 server hour".to_owned(),
            hours => format!("{hours} server hours"),
        };
        let posting = Posting {
            kind: TransactionKind::Charge,
            amount: Money(0).minus(total)?,
            against: Account::Revenue,
            description: &description,
            once: None,
        };
        Some(store::ledger::post(session, &mut held, &posting).await?)
    } else {
        None
    };
    store::charges::record(session, organisation, &charges, transaction.as_ref()).await?;
    if app.settings.billing.on {
        look_at_balance(session, app, &mut held).await?;
    }
    charged.hours += charges.len();
    charged.amount = charged.amount.plus(total)?;
    Ok(is_done)
}

/// The hours of an organisation's servers that are due now, and whether these are all; closed intervals of which nothing is
/// left are settled.
async fn due(
    session: &mut Session,
    organisation: OrganisationId,
) -> Result<(Vec<(ServerId, Charge)>, bool)> {
    let now = session.now();
    let mut charges = Vec::new();
    for metered in store::billing::metered(session, organisation).await? {
        if metered.next_due().is_some_and(|due_at| due_at <= now) {
            let mut meter = store::billing::meter(session, organisation, &metered).await?;
            while let Some(charge) = meter.charge(&metered.intervals, now)? {
                charges.push((metered.server, charge));
                if charges.len() == AT_ONCE {
                    return Ok((charges, false));
                }
            }
        }
        store::billing::settle(session, &metered, now).await?;
    }
    Ok((charges, true))
}

fn given_away((server, charge): (ServerId, Charge)) -> (ServerId, Charge) {
    let amount = Money(0);
    (server, Charge { amount, ..charge })
}

/// Whoever owes is suspended; whoever will soon is told, once until the next payment.
async fn look_at_balance(session: &mut Session, app: &App, held: &mut Held) -> Result<()> {
    let balance = printed(app, held.balance);
    if held.balance < Money(0) {
        return suspension::for_balance(session, app, held).await;
    }
    if held.warned_at.is_some() {
        return Ok(());
    }
    let hours = app.settings.billing.warn_below_hours;
    if !covers(
        session,
        held.organisation,
        held.balance,
        &More::Nothing,
        hours,
    )
    .await?
    {
        let hourly = store::billing::hourly(session, held.organisation).await?;
        let message = format!(
            "the balance is {balance}, which covers fewer than {hours} hours at {} an hour; top it up, or the servers are \
             switched off when it is used up",
            printed(app, hourly)
        );
        let kind = NoticeKind::LowBalance;
        store::notices::add(session, held.organisation, kind, &message).await?;
        store::ledger::set_warned(session, held, true).await?;
    }
    Ok(())
}
