//! The ledger: double entry, append only; and beside it the balance of each organisation.
//!
//! Written by `control::billing`. What must stay true: the lines of a transaction sum to zero; an organisation's
//! transactions are numbered without gaps; its row in `balances` is what its lines sum to, and is locked by whoever writes
//! any of this or relies on it ([`hold`]). Operations and servers are locked before it, intervals after it.

use domain::ledger::{Transaction, TransactionKind};
use domain::{Money, OrganisationId, Result, Timestamp};

use crate::query::{Row, sql};
use crate::session::Session;

macro_rules! columns {
    () => {
        "id, seq, kind, amount, balance_after, description, created_at"
    };
}

/// An organisation's balance, locked until the session ends.
#[derive(Debug)]
pub struct Held {
    /// Whose.
    pub organisation: OrganisationId,
    /// What it has; less than nothing where it owes.
    pub balance: Money,
    /// When it was told that this will be used up soon.
    pub warned_at: Option<Timestamp>,
    /// Whether it has had its starting credit, or there was none to be had.
    pub has_started: bool,
    last_seq: i64,
}

/// The accounts of the ledger beside those of the customers: where an amount comes from, or goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// What servers have brought in.
    Revenue,
    /// What customers have paid.
    Cash,
    /// What the operator has given away.
    Credit,
}

/// A transaction to be added.
#[derive(Debug, Clone, Copy)]
pub struct Posting<'a> {
    /// What it is.
    pub kind: TransactionKind,
    /// What the balance has more of it; negative where it has less.
    pub amount: Money,
    /// The account that has as much less.
    pub against: Account,
    /// What it is for.
    pub description: &'a str,
    /// What may happen once and no more, in words of our own, such as `stripe:ID`.
    pub once: Option<&'a str>,
}

// === impl Account ===

impl Account {
    fn name(self) -> &'static str {
        match self {
            Self::Revenue => "revenue",
            Self::Cash => "cash",
            Self::Credit => "credit",
        }
    }
}

/// Locks an organisation's balance; one that has none has nothing.
pub async fn hold(session: &mut Session, organisation: OrganisationId) -> Result<Held> {
    let query = sql!(
        "INSERT INTO balances (organisation_id, balance, last_seq) VALUES ($1, 0, 0) \
         ON CONFLICT (organisation_id) DO UPDATE SET balance = balances.balance \
         RETURNING balance, last_seq, warned_at, started"
    );
    let row = session.one(query.arg(organisation)).await?;
    Ok(Held {
        organisation,
        balance: Money(row.get("balance")?),
        warned_at: row.get::<Option<i64>>("warned_at")?.map(Timestamp),
        has_started: row.get("started")?,
        last_seq: row.get("last_seq")?,
    })
}

/// An organisation's balance, as it is at this moment; `None` where it has never had a transaction.
pub async fn balance(session: &mut Session, organisation: OrganisationId) -> Result<Option<Money>> {
    let query = sql!("SELECT balance FROM balances WHERE organisation_id = $1 AND last_seq > 0");
    let row = session.optional(query.arg(organisation)).await?;
    row.map(|row| row.get("balance").map(Money)).transpose()
}

/// Notes that an organisation has had its starting credit, or that there was none to be had.
pub async fn start(session: &mut Session, held: &mut Held) -> Result<()> {
    held.has_started = true;
    let query = sql!("UPDATE balances SET started = TRUE WHERE organisation_id = $1");
    session
        .execute(query.arg(held.organisation))
        .await
        .map(drop)
}

/// Up to 500 organisations that have had no starting credit yet, after a key.
pub async fn not_started(
    session: &mut Session,
    after: OrganisationId,
) -> Result<Vec<OrganisationId>> {
    let query = sql!(
        "SELECT o.id FROM organisations o LEFT JOIN balances b ON b.organisation_id = o.id \
         WHERE o.id > $1 AND (b.started IS NULL OR NOT b.started) ORDER BY o.id LIMIT 500"
    );
    let rows = session.all(query.arg(after)).await?;
    rows.iter()
        .map(|row| row.get("id").map(OrganisationId))
        .collect()
}

/// Whether anything was ever written into the ledger.
pub async fn has_begun(session: &mut Session) -> Result<bool> {
    let query = sql!("SELECT 1 AS one FROM ledger_transactions LIMIT 1");
    Ok(session.optional(query).await?.is_some())
}

/// Adds a transaction. Errors: `Exists` where what may happen once has happened; the session is of no use then.
pub async fn post(
    session: &mut Session,
    held: &mut Held,
    posting: &Posting<'_>,
) -> Result<Transaction> {
    let now = session.now();
    let (seq, balance) = (held.last_seq + 1, held.balance.plus(posting.amount)?);
    let opposite = Money(0).minus(posting.amount)?;
    let query = sql!(concat!(
        "INSERT INTO ledger_transactions (organisation_id, seq, kind, amount, balance_after, description, once, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ",
        columns!()
    ));
    let row = session
        .one(
            query
                .arg(held.organisation)
                .arg(seq)
                .arg(posting.kind.as_str())
                .arg(posting.amount.0)
                .arg(balance.0)
                .arg(posting.description)
                .arg(posting.once.map(str::to_owned))
                .arg(now),
        )
        .await?;
    let transaction = transaction(&row)?;
    let query = sql!(
        "INSERT INTO ledger_lines (transaction_id, account, amount) VALUES ($1, $2, $3), ($1, $4, $5)"
    );
    session
        .execute(
            query
                .arg(transaction.id)
                .arg(format!("customer:{}", held.organisation))
                .arg(posting.amount.0)
                .arg(posting.against.name())
                .arg(opposite.0),
        )
        .await?;
    let query = sql!("UPDATE balances SET balance = $1, last_seq = $2 WHERE organisation_id = $3");
    session
        .execute(query.arg(balance.0).arg(seq).arg(held.organisation))
        .await?;
    (held.balance, held.last_seq) = (balance, seq);
    Ok(transaction)
}

/// The transaction that was to happen once, if it has, and whose it is.
pub async fn posted(
    session: &mut Session,
    once: &str,
) -> Result<Option<(OrganisationId, Transaction)>> {
    let query = sql!(concat!(
        "SELECT organisation_id, ",
        columns!(),
        " FROM ledger_transactions WHERE once = $1"
    ));
    let row = session.optional(query.arg(once)).await?;
    row.map(|row| {
        let organisation = OrganisationId(row.get("organisation_id")?);
        Ok((organisation, transaction(&row)?))
    })
    .transpose()
}

/// Notes that an organisation was told that its balance will be used up soon, or that this is over.
pub async fn set_warned(session: &mut Session, held: &mut Held, is_warned: bool) -> Result<()> {
    held.warned_at = is_warned.then(|| session.now());
    let query = sql!("UPDATE balances SET warned_at = $1 WHERE organisation_id = $2");
    session
        .execute(query.arg(held.warned_at).arg(held.organisation))
        .await
        .map(drop)
}

/// The number of a transaction among those of its organisation; `None` where the organisation has none of that key.
pub async fn seq(
    session: &mut Session,
    organisation: OrganisationId,
    transaction: i64,
) -> Result<Option<i64>> {
    let query = sql!("SELECT seq FROM ledger_transactions WHERE id = $1 AND organisation_id = $2");
    let row = session
        .optional(query.arg(transaction).arg(organisation))
        .await?;
    row.map(|row| row.get("seq")).transpose()
}

/// The organisation's last transactions before that number, the newest first.
pub async fn transactions(
    session: &mut Session,
    organisation: OrganisationId,
    before: i64,
    limit: i64,
) -> Result<Vec<Transaction>> {
    let query = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM ledger_transactions WHERE organisation_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3"
    ));
    let rows = session
        .all(query.arg(organisation).arg(before).arg(limit))
        .await?;
    rows.iter().map(transaction).collect()
}

/// Adds the whole ledger up. What is wrong with it, in words; `None` where nothing is.
pub async fn verify(session: &mut Session) -> Result<Option<String>> {
    let query = sql!(
        "SELECT transaction_id AS id FROM ledger_lines GROUP BY transaction_id HAVING SUM(amount) <> 0 LIMIT 1"
    );
    if let Some(row) = session.optional(query).await? {
        let id: i64 = row.get("id")?;
        return Ok(Some(format!(
            "the lines of transaction {id} do not sum to zero"
        )));
    }
    let query = sql!(
        "SELECT t.id FROM (SELECT id, seq, balance_after, \
         SUM(amount) OVER (PARTITION BY organisation_id ORDER BY seq) AS balance, \
         ROW_NUMBER() OVER (PARTITION BY organisation_id ORDER BY seq) AS number FROM ledger_transactions) t \
         WHERE t.balance <> t.balance_after OR t.number <> t.seq LIMIT 1"
    );
    if let Some(row) = session.optional(query).await? {
        let id: i64 = row.get("id")?;
        return Ok(Some(format!(
            "transaction {id} does not follow from the one before it"
        )));
    }
    let query = sql!(
        "SELECT b.organisation_id AS id FROM balances b WHERE b.balance <> COALESCE((SELECT SUM(l.amount) \
         FROM ledger_lines l WHERE l.account = 'customer:' || b.organisation_id), 0) LIMIT 1"
    );
    if let Some(row) = session.optional(query).await? {
        let id: i64 = row.get("id")?;
        return Ok(Some(format!(
            "the balance of organisation {id} is not what its lines sum to"
        )));
    }
    let query = sql!(
        "SELECT t.id FROM ledger_transactions t LEFT JOIN (SELECT transaction_id, SUM(amount) AS amount FROM charges \
         GROUP BY transaction_id) c ON c.transaction_id = t.id \
         WHERE t.kind = 'charge' AND t.amount <> -COALESCE(c.amount, 0) LIMIT 1"
    );
    if let Some(row) = session.optional(query).await? {
        let id: i64 = row.get("id")?;
        return Ok(Some(format!(
            "transaction {id} is not what its hours sum to"
        )));
    }
    Ok(None)
}

/// What there is of an organisation in the ledger, for a test.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// Whose.
    pub organisation: OrganisationId,
    /// What stands in its row.
    pub balance: Money,
    /// What the lines of its own account sum to.
    pub own: Money,
    /// What all lines of its transactions sum to.
    pub all: Money,
}

/// The sums of all organisations from that one to that one, for a test.
#[doc(hidden)]
pub async fn sums_for_test(
    session: &mut Session,
    first: OrganisationId,
    last: OrganisationId,
) -> Result<Vec<Sums>> {
    let query = sql!(
        "SELECT b.organisation_id, b.balance, (SELECT CAST(COALESCE(SUM(l.amount), 0) AS BIGINT) FROM ledger_lines l \
         WHERE l.account = 'customer:' || b.organisation_id) AS own, \
         (SELECT CAST(COALESCE(SUM(l.amount), 0) AS BIGINT) FROM ledger_transactions t \
         JOIN ledger_lines l ON l.transaction_id = t.id WHERE t.organisation_id = b.organisation_id) AS all_lines \
         FROM balances b WHERE b.organisation_id BETWEEN $1 AND $2 ORDER BY b.organisation_id"
    );
    let rows = session.all(query.arg(first).arg(last)).await?;
    let sums = rows.iter().map(|row| {
        Ok(Sums {
            organisation: OrganisationId(row.get("organisation_id")?),
            balance: Money(row.get("balance")?),
            own: Money(row.get("own")?),
            all: Money(row.get("all_lines")?),
        })
    });
    sums.collect()
}

fn transaction(row: &Row) -> Result<Transaction> {
    Ok(Transaction {
        id: row.get("id")?,
        seq: row.get("seq")?,
        kind: row.word("kind")?,
        amount: Money(row.get("amount")?),
        balance_after: Money(row.get("balance_after")?),
        description: row.get("description")?,
        created_at: row.time("created_at")?,
    })
}

/// Tries to change and to remove what was written of money, as an intruder would, for a test; whatever was let through.
#[doc(hidden)]
pub async fn tamper_for_test(session: &mut Session, which: usize) -> Result<u64> {
    let query = match which {
        0 => sql!("UPDATE ledger_transactions SET description = 'forged'"),
        1 => sql!("DELETE FROM ledger_transactions"),
        2 => sql!("UPDATE ledger_lines SET amount = amount"),
        3 => sql!("DELETE FROM ledger_lines"),
        4 => sql!("UPDATE charges SET amount = 0"),
        5 => sql!("DELETE FROM charges"),
        6 => sql!("UPDATE invoices SET total = 0"),
        _ => sql!("DELETE FROM invoices"),
    };
    session.execute(query).await
}
