//! Invoices, numbered without gaps.
//!
//! Written by `control::billing` under the lock of the organisation's balance. What must stay true: a number is taken from
//! its counter in the transaction in which the invoice is written, so that a transaction that comes to nothing takes none.

use domain::billing::Month;
use domain::ledger::{Invoice, InvoiceLine, InvoiceStatus};
use domain::{Money, OrganisationId, Result, Timestamp};

use crate::query::{Row, json, sql};
use crate::session::Session;
use crate::{charges, ledger};

macro_rules! columns {
    () => {
        "id, organisation_id, number, month, lines, total, currency, seller, customer, created_at"
    };
}

/// An invoice to be written.
#[derive(Debug)]
pub struct NewInvoice<'a> {
    /// For whom.
    pub organisation: OrganisationId,
    /// For which month.
    pub month: Month,
    /// What for.
    pub lines: &'a [InvoiceLine],
    /// All lines together.
    pub total: Money,
    /// The code of the currency.
    pub currency: &'a str,
    /// Who writes it: name and address, in lines.
    pub seller: &'a str,
    /// What the organisation is called.
    pub customer: &'a str,
}

/// Writes an invoice; its number. Errors: `Exists` where the month has one.
pub async fn create(session: &mut Session, new: &NewInvoice<'_>) -> Result<i64> {
    let now = session.now();
    // The row stays locked until the session ends: another replica waits here, and goes on with the next number or, should
    // this come to nothing, with the same.
    let query = sql!(
        "INSERT INTO counters (name, value) VALUES ('invoices', 1) \
         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value"
    );
    let number: i64 = session.one(query).await?.get("value")?;
    let query = sql!(
        "INSERT INTO invoices (organisation_id, number, month, lines, total, currency, seller, customer, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    session
        .execute(
            query
                .arg(new.organisation)
                .arg(number)
                .arg(new.month.0)
                .arg(json(&new.lines)?)
                .arg(new.total.0)
                .arg(new.currency)
                .arg(new.seller)
                .arg(new.customer)
                .arg(now),
        )
        .await?;
    charges::close_month(session, new.organisation, new.month).await?;
    Ok(number)
}

/// The organisation's invoices, the newest first.
pub async fn list(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Invoice>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM invoices WHERE organisation_id = $1 ORDER BY number DESC"
    ));
    let rows = session.all(query.arg(organisation)).await?;
    with_status(session, &rows).await
}

/// The organisation's invoice of that number.
pub async fn by_number(
    session: &mut Session,
    organisation: OrganisationId,
    number: i64,
) -> Result<Option<Invoice>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM invoices WHERE organisation_id = $1 AND number = $2"
    ));
    let rows = session.all(query.arg(organisation).arg(number)).await?;
    Ok(with_status(session, &rows).await?.pop())
}

/// All invoices, the newest first, for the operator.
pub async fn all(session: &mut Session, limit: i64) -> Result<Vec<Invoice>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM invoices ORDER BY number DESC LIMIT $1"
    ));
    let rows = session.all(query.arg(limit)).await?;
    with_status(session, &rows).await
}

/// The invoice of that number, for the operator.
pub async fn of_anybody(session: &mut Session, number: i64) -> Result<Option<Invoice>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM invoices WHERE number = $1"
    ));
    let rows = session.all(query.arg(number)).await?;
    Ok(with_status(session, &rows).await?.pop())
}

/// The last month of which an organisation has an invoice: nothing is charged in it any more.
pub(crate) async fn last_month(
    session: &mut Session,
    organisation: OrganisationId,
) -> Result<Option<Month>> {
    let query = sql!("SELECT MAX(month) AS month FROM invoices WHERE organisation_id = $1");
    let row = session.one(query.arg(organisation)).await?;
    Ok(row.get::<Option<i64>>("month")?.map(Month))
}

/// Whatever is on a balance has paid for the oldest charges first: an invoice is paid where the balance would not be below
/// zero without what was charged after its month.
async fn with_status(session: &mut Session, rows: &[Row]) -> Result<Vec<Invoice>> {
    let mut invoices = Vec::with_capacity(rows.len());
    for row in rows {
        let mut invoice = invoice(row)?;
        let balance = ledger::balance(session, invoice.organisation_id).await?;
        let balance = balance.unwrap_or_default();
        if balance < Money(0) {
            let later = charges::after(session, invoice.organisation_id, invoice.month).await?;
            if balance.plus(later)? < Money(0) {
                invoice.status = InvoiceStatus::Due;
            }
        }
        invoices.push(invoice);
    }
    Ok(invoices)
}

fn invoice(row: &Row) -> Result<Invoice> {
    Ok(Invoice {
        id: row.get("id")?,
        organisation_id: OrganisationId(row.get("organisation_id")?),
        number: row.get("number")?,
        month: Month(row.get("month")?),
        lines: row.json("lines")?,
        total: Money(row.get("total")?),
        currency: row.get("currency")?,
        seller: row.get("seller")?,
        customer: row.get("customer")?,
        status: InvoiceStatus::Paid,
        created_at: Timestamp(row.get("created_at")?),
    })
}
