//! Charges: each hour of each server that was charged, once and for good.
//!
//! Written by `control::billing` under the lock of the organisation's balance, in the transaction that changes it.

use domain::billing::{Charge, Month};
use domain::ledger::{InvoiceLine, Transaction};
use domain::{Money, OrganisationId, Result, ServerId};
use serde_json::Value;

use crate::query::{json, sql};
use crate::session::Session;

/// Adds charges of an organisation's servers. They are with the transaction that takes their sum from the balance; with
/// none where they cost nothing.
pub async fn record(
    session: &mut Session,
    organisation: OrganisationId,
    charges: &[(ServerId, Charge)],
    transaction: Option<&Transaction>,
) -> Result<()> {
    let rows = charges.iter().map(|(server, charge)| {
        let plan = Value::from(charge.plan.as_str());
        let numbers = |number: i64| Value::from(number);
        Value::Array(vec![
            numbers(server.0),
            numbers(charge.hour),
            numbers(charge.due_at.0),
            numbers(charge.month.0),
            plan,
            numbers(charge.amount.0),
        ])
    });
    // One statement, however many they are.
    let query = sql!(
        sqlite: "INSERT INTO charges (server_id, hour, began_at, month, plan, amount, organisation_id, transaction_id) \
         SELECT json_extract(e.value, '$[0]'), json_extract(e.value, '$[1]'), json_extract(e.value, '$[2]'), \
         json_extract(e.value, '$[3]'), json_extract(e.value, '$[4]'), json_extract(e.value, '$[5]'), $2, $3 \
         FROM json_each($1) e",
        postgres: "INSERT INTO charges (server_id, hour, began_at, month, plan, amount, organisation_id, transaction_id) \
         SELECT CAST(e->>0 AS BIGINT), CAST(e->>1 AS BIGINT), CAST(e->>2 AS BIGINT), CAST(e->>3 AS BIGINT), e->>4, \
         CAST(e->>5 AS BIGINT), $2, $3 FROM jsonb_array_elements(CAST(CAST($1 AS TEXT) AS JSONB)) AS e"
    );
    let rows = json(&rows.collect::<Vec<_>>())?;
    let transaction = transaction.map(|transaction| transaction.id);
    session
        .execute(query.arg(rows).arg(organisation).arg(transaction))
        .await?;
    let paid = charges
        .iter()
        .filter(|(_, charge)| charge.amount > Money(0));
    let Some(month) = paid.map(|(_, charge)| charge.month).min() else {
        return Ok(());
    };
    let query = sql!(
        "UPDATE balances SET open_month = $1 WHERE organisation_id = $2 AND (open_month IS NULL OR open_month > $1)"
    );
    session
        .execute(query.arg(month.0).arg(organisation))
        .await
        .map(drop)
}

/// The organisations that were charged something in a month before `before` of which there is no invoice yet.
pub async fn without_invoice(session: &mut Session, before: Month) -> Result<Vec<OrganisationId>> {
    let query = sql!(
        "SELECT organisation_id FROM balances WHERE open_month IS NOT NULL AND open_month < $1 ORDER BY organisation_id"
    );
    let rows = session.all(query.arg(before.0)).await?;
    rows.iter()
        .map(|row| row.get("organisation_id").map(OrganisationId))
        .collect()
}

/// The first month in which an organisation was charged something that is on no invoice yet.
pub async fn open_month(
    session: &mut Session,
    organisation: OrganisationId,
) -> Result<Option<Month>> {
    let query = sql!("SELECT open_month FROM balances WHERE organisation_id = $1");
    let row = session.optional(query.arg(organisation)).await?;
    let month = row
        .map(|row| row.get::<Option<i64>>("open_month"))
        .transpose()?;
    Ok(month.flatten().map(Month))
}

/// A month has its invoice: the next in which something was charged is open now.
pub(crate) async fn close_month(
    session: &mut Session,
    organisation: OrganisationId,
    month: Month,
) -> Result<()> {
    let query = sql!(
        "UPDATE balances SET open_month = (SELECT MIN(c.month) FROM charges c WHERE c.organisation_id = $1 \
         AND c.month > $2 AND c.amount > 0) WHERE organisation_id = $1"
    );
    session
        .execute(query.arg(organisation).arg(month.0))
        .await
        .map(drop)
}

/// What a server was charged in a month.
pub async fn spent(
    session: &mut Session,
    organisation: OrganisationId,
    server: ServerId,
    month: Month,
) -> Result<Money> {
    let query = sql!(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS spent FROM charges \
         WHERE organisation_id = $1 AND month = $2 AND server_id = $3"
    );
    session
        .one(query.arg(organisation).arg(month.0).arg(server))
        .await?
        .get("spent")
        .map(Money)
}

/// What an organisation was charged in a month, by server and plan.
pub async fn lines(
    session: &mut Session,
    organisation: OrganisationId,
    month: Month,
) -> Result<Vec<InvoiceLine>> {
    let query = sql!(
        "SELECT c.server_id, s.name, s.region, c.plan, COUNT(*) AS hours, CAST(SUM(c.amount) AS BIGINT) AS amount \
         FROM charges c JOIN servers s ON s.id = c.server_id WHERE c.organisation_id = $1 AND c.month = $2 \
         GROUP BY c.server_id, s.name, s.region, c.plan ORDER BY c.server_id, MIN(c.hour)"
    );
    let rows = session.all(query.arg(organisation).arg(month.0)).await?;
    rows.iter()
        .map(|row| {
            Ok(InvoiceLine {
                server_id: ServerId(row.get("server_id")?),
                server: row.get("name")?,
                region: row.get("region")?,
                plan: row.get("plan")?,
                hours: row.get("hours")?,
                amount: Money(row.get("amount")?),
            })
        })
        .collect()
}

/// What an organisation was charged after a month.
pub(crate) async fn after(
    session: &mut Session,
    organisation: OrganisationId,
    month: Month,
) -> Result<Money> {
    let query = sql!(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS later FROM charges WHERE organisation_id = $1 AND month > $2"
    );
    session
        .one(query.arg(organisation).arg(month.0))
        .await?
        .get("later")
        .map(Money)
}

/// What an organisation brought in within a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revenue {
    /// Which.
    pub organisation: String,
    /// How many hours of servers it was charged.
    pub hours: i64,
    /// For how much.
    pub amount: Money,
    /// How much of what it was ever charged it was given back in that month.
    pub given_back: Money,
}

/// What each organisation was charged in a month, and given back in it, the most first.
pub async fn revenue(session: &mut Session, month: Month) -> Result<Vec<Revenue>> {
    let query = sql!(
        "SELECT o.slug, COALESCE(c.hours, 0) AS hours, CAST(COALESCE(c.amount, 0) AS BIGINT) AS amount, \
         CAST(COALESCE(r.amount, 0) AS BIGINT) AS given_back FROM organisations o \
         LEFT JOIN (SELECT organisation_id, COUNT(*) AS hours, SUM(amount) AS amount FROM charges WHERE month = $1 \
         GROUP BY organisation_id) c ON c.organisation_id = o.id \
         LEFT JOIN (SELECT t.organisation_id, SUM(t.amount) AS amount FROM ledger_transactions t \
         JOIN ledger_lines l ON l.transaction_id = t.id AND l.account = 'revenue' \
         WHERE t.kind = 'refund' AND t.created_at >= $2 AND t.created_at < $3 \
         GROUP BY t.organisation_id) r ON r.organisation_id = o.id \
         WHERE c.hours > 0 OR r.amount > 0 ORDER BY amount DESC, o.slug"
    );
    let query = query.arg(month.0).arg(month.begins()).arg(month.ends());
    let rows = session.all(query).await?;
    rows.iter()
        .map(|row| {
            Ok(Revenue {
                organisation: row.get("slug")?,
                hours: row.get("hours")?,
                amount: Money(row.get("amount")?),
                given_back: Money(row.get("given_back")?),
            })
        })
        .collect()
}

/// The hours of a server that were charged, for a test.
#[doc(hidden)]
pub async fn of_server_for_test(session: &mut Session, server: ServerId) -> Result<Vec<Charge>> {
    let query = sql!(
        "SELECT hour, began_at, month, plan, amount FROM charges WHERE server_id = $1 ORDER BY hour"
    );
    let rows = session.all(query.arg(server)).await?;
    rows.iter()
        .map(|row| {
            Ok(Charge {
                hour: row.get("hour")?,
                due_at: row.time("began_at")?,
                month: Month(row.get("month")?),
                plan: row.get("plan")?,
                amount: Money(row.get("amount")?),
            })
        })
        .collect()
}
