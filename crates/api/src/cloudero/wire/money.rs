//! Transactions, invoices, top-ups: amounts are decimals in texts, exact to the last place.

use domain::ledger::{Invoice, InvoiceLine, InvoiceStatus, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A change of the balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransactionResponse {
    id: i64,
    /// `charge`, `payment`, `credit` or `refund`.
    #[serde(rename = "type")]
    kind: &'static str,
    amount: String,
    balance_after: String,
    description: String,
    created_at: String,
}

/// What was charged in a month that is over.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvoiceResponse {
    id: i64,
    number: i64,
    /// The month, such as `2027-03`.
    period: String,
    lines: Vec<LineResponse>,
    total: String,
    currency: String,
    /// `paid` or `due`.
    status: &'static str,
    created_at: String,
}

/// A server on an invoice, by one package.
#[derive(Serialize, ToSchema)]
struct LineResponse {
    subscription_id: i64,
    name: String,
    region: String,
    package: String,
    hours: i64,
    amount: String,
}

/// An amount to be paid.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TopUpRequest {
    /// A decimal, such as `25.00`.
    pub(crate) amount: String,
}

/// Where it is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopUpResponse {
    /// The payment provider's page.
    pub(crate) url: String,
}

// === impl TransactionResponse ===

impl From<Transaction> for TransactionResponse {
    fn from(transaction: Transaction) -> Self {
        Self {
            id: transaction.id,
            kind: transaction.kind.as_str(),
            amount: transaction.amount.to_string(),
            balance_after: transaction.balance_after.to_string(),
            description: transaction.description,
            created_at: transaction.created_at.rfc3339(),
        }
    }
}

// === impl InvoiceResponse ===

impl From<Invoice> for InvoiceResponse {
    fn from(invoice: Invoice) -> Self {
        let line = |line: InvoiceLine| LineResponse {
            subscription_id: line.server_id.0,
            name: line.server,
            region: line.region,
            package: line.plan,
            hours: line.hours,
            amount: line.amount.to_string(),
        };
        Self {
            id: invoice.id,
            number: invoice.number,
            period: invoice.period(),
            lines: invoice.lines.into_iter().map(line).collect(),
            total: invoice.total.to_string(),
            currency: invoice.currency,
            status: match invoice.status {
                InvoiceStatus::Paid => "paid",
                InvoiceStatus::Due => "due",
            },
            created_at: invoice.created_at.rfc3339(),
        }
    }
}
