//! What an organisation sees of its money: transactions, invoices and notices.
//!
//! Written by the store, shown by the façades and the command line.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::billing::Month;
use crate::error::Error;
use crate::ids::{OrganisationId, ServerId};
use crate::offer::Money;
use crate::server::words;
use crate::time::Timestamp;

/// A change of an organisation's balance. It is never changed itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// Its key.
    pub id: i64,
    /// Its number among those of its organisation: 1, 2, 3.
    pub seq: i64,
    /// What it is.
    pub kind: TransactionKind,
    /// What the balance has more since; less where it is negative, as with every charge.
    pub amount: Money,
    /// The balance since.
    pub balance_after: Money,
    /// What it was for.
    pub description: String,
    /// When.
    pub created_at: Timestamp,
}

/// What a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionKind {
    /// The organisation used something.
    Charge,
    /// The organisation paid.
    Payment,
    /// The operator gave something.
    Credit,
    /// What was charged is given back to the balance; or, with a negative amount, what was paid is paid back.
    Refund,
}

words!(TransactionKind {
    Charge = "charge",
    Payment = "payment",
    Credit = "credit",
    Refund = "refund",
});

/// What an organisation was charged in a month that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invoice {
    /// Its key.
    pub id: i64,
    /// Whose.
    pub organisation_id: OrganisationId,
    /// Its number: 1, 2, 3 among all of this installation, without gaps.
    pub number: i64,
    /// The month.
    pub month: Month,
    /// What for.
    pub lines: Vec<InvoiceLine>,
    /// All lines together.
    pub total: Money,
    /// The code of the currency, such as `USD`.
    pub currency: String,
    /// Who wrote it, as it was called then: name and address, in lines.
    pub seller: String,
    /// For whom it is, as it was called then.
    pub customer: String,
    /// Whether it was paid.
    pub status: InvoiceStatus,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A server on an invoice, by one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The server's key.
    pub server_id: ServerId,
    /// What it was called.
    pub server: String,
    /// Where it was.
    pub region: String,
    /// The slug of its plan.
    pub plan: String,
    /// How many hours were charged, those included that cost nothing any more.
    pub hours: i64,
    /// What they cost.
    pub amount: Money,
}

/// Whether an invoice was paid: all that was ever put on the balance pays for the oldest charges first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// From the balance.
    Paid,
    /// The balance did not suffice.
    Due,
}

words!(InvoiceStatus {
    Paid = "paid",
    Due = "due",
});

/// What an organisation is told that is no operation on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its key.
    pub id: i64,
    /// What it is about.
    pub kind: NoticeKind,
    /// The words.
    pub message: String,
    /// When.
    pub created_at: Timestamp,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The balance will be used up soon.
    LowBalance,
    /// The organisation's servers are switched off.
    Suspended,
    /// They are switched on again.
    Resumed,
    /// They are destroyed.
    Destroyed,
}

words!(NoticeKind {
    LowBalance = "low_balance",
    Suspended = "suspended",
    Resumed = "resumed",
    Destroyed = "destroyed",
});

// === impl Invoice ===

impl Invoice {
    /// Its period in words: the month, such as `2027-03`.
    pub fn period(&self) -> String {
        self.month.to_string()
    }
}
