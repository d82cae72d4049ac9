//! `arcus billing`: balances, transactions, invoices.
//!
//! Called by `main`. What must stay true: amounts are read and printed exactly; what moves money says the balance that it
//! leaves behind.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use control::App;
use control::billing::{self, Deposit, Floor, MOST_LISTED, Page};
use domain::ledger::{Invoice, Transaction, TransactionKind};
use domain::{Error, Money, OrganisationId, Result};
use serde_json::{Value, json};
use store::customers::Customer;

use crate::config::{Place, amount};
use crate::{context, customers, table};

#[derive(Args)]
pub(crate) struct Billing {
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print what an organisation has.
    Balance {
        /// The organisation's id or slug.
        organisation: String,
    },
    /// Note what an organisation has paid.
    Topup(Amount),
    /// Give an organisation something.
    Credit(Amount),
    /// Give what was charged back to the balance, or, with --paid-out, note what was paid back and take it from the balance.
    Refund {
        #[command(flatten)]
        amount: Amount,
        /// It was paid back: the balance has less.
        #[arg(long)]
        paid_out: bool,
        /// It was paid back whether there is as much or not, as a bank does that takes back what was spent already: the
        /// balance may be below zero then, and the organisation is suspended until it pays.
        #[arg(long, requires = "paid_out")]
        allow_negative: bool,
    },
    /// List an organisation's transactions, the newest first.
    Transactions {
        /// The organisation's id or slug.
        organisation: String,
    },
    /// List the invoices, the newest first.
    Invoices {
        /// Those of one organisation, by its id or slug.
        organisation: Option<String>,
    },
    /// Print an invoice.
    Invoice {
        /// Its number.
        number: i64,
        /// Write it to this file, as a page that can be printed.
        #[arg(long)]
        html: Option<PathBuf>,
    },
    /// Charge what is due, and write the invoices of the months that are over, now.
    Charge,
    /// Add the whole ledger up.
    Verify,
}

#[derive(Args)]
struct Amount {
    /// The organisation's id or slug.
    organisation: String,
    /// How much, a decimal.
    #[arg(value_parser = amount)]
    amount: Money,
    /// What for.
    #[arg(long)]
    description: Option<String>,
    /// What this is known by elsewhere, such as a bank's number of the transfer: told again with the same, it is not done
    /// again.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reference: Option<String>,
}

pub(crate) async fn run(place: &Place, billing: Billing) -> Result<()> {
    let app = context::app(place).await?;
    let done = perform(&app, billing.command, billing.json).await;
    app.store.close().await;
    done
}

async fn perform(app: &App, command: Command, json: bool) -> Result<()> {
    match command {
        Command::Balance { organisation } => {
            let balance = customers::find(app, &organisation).await?.balance;
            if json {
                return table::json(&json!({
                    "balance": balance.to_string(), "currency": app.settings.billing.currency,
                }));
            }
            table::line(&printed(app, balance));
            Ok(())
        }
        Command::Topup(amount) => {
            let customer = customers::find(app, &amount.organisation).await?;
            let once = amount.once(TransactionKind::Payment);
            let deposit = amount.deposit(&customer, "payment", once.as_deref());
            moved(app, json, &billing::payment(app, &deposit).await?)
        }
        Command::Credit(amount) => {
            let customer = customers::find(app, &amount.organisation).await?;
            let once = amount.once(TransactionKind::Credit);
            let deposit = amount.deposit(&customer, "credit", once.as_deref());
            moved(app, json, &billing::credit(app, &deposit).await?)
        }
        Command::Refund {
            amount,
            paid_out,
            allow_negative,
        } => {
            let customer = customers::find(app, &amount.organisation).await?;
            let once = amount.once(TransactionKind::Refund);
            let deposit = |usual| amount.deposit(&customer, usual, once.as_deref());
            let floor = if allow_negative {
                Floor::Nowhere
            } else {
                Floor::Zero
            };
            let transaction = if paid_out {
                billing::pay_back(app, &deposit("paid back"), floor).await?
            } else {
                billing::refund(app, &deposit("refund")).await?
            };
            moved(app, json, &transaction)
        }
        Command::Transactions { organisation } => {
            let customer = customers::find(app, &organisation).await?;
            transactions(&all_of(app, customer.organisation.id).await?, json)
        }
        Command::Invoices { organisation } => {
            let mut session = app.store.read().await?;
            let all = match organisation {
                Some(organisation) => {
                    drop(session);
                    let customer = customers::find(app, &organisation).await?;
                    let mut session = app.store.read().await?;
                    store::invoices::list(&mut session, customer.organisation.id).await?
                }
                None => store::invoices::all(&mut session, i64::MAX).await?,
            };
            invoices(app, &all, json).await
        }
        Command::Invoice { number, html } => invoice(app, number, html, json).await,
        Command::Charge => {
            let charged = billing::charge_due(app).await?;
            if json {
                return table::json(&json!({
                    "hours": charged.hours, "amount": charged.amount.to_string(),
                    "currency": app.settings.billing.currency, "invoices": charged.invoices,
                }));
            }
            table::line(&format!(
                "charged {} server hours for {}; wrote {} invoices",
                charged.hours,
                printed(app, charged.amount),
                charged.invoices
            ));
            Ok(())
        }
        Command::Verify => match store::ledger::verify(&mut app.store.read().await?).await? {
            None if json => table::json(&json!({ "right": true })),
            None => {
                table::line(
                    "the ledger is right: every transaction sums to zero, and every balance to what it was made of",
                );
                Ok(())
            }
            Some(wrong) => Err(Error::invalid(format!("the ledger is wrong: {wrong}"))),
        },
    }
}

// === impl Amount ===

impl Amount {
    /// The key of what may happen once: a refund may well be known by the number of the payment.
    fn once(&self, kind: TransactionKind) -> Option<String> {
        let reference = self.reference.as_ref()?;
        Some(format!("cli:{}:{reference}", kind.as_str()))
    }

    fn deposit<'a>(
        &'a self,
        customer: &Customer,
        usual: &'a str,
        once: Option<&'a str>,
    ) -> Deposit<'a> {
        Deposit {
            organisation: customer.organisation.id,
            amount: self.amount,
            description: self.description.as_deref().unwrap_or(usual),
            by: "cli",
            once,
        }
    }
}

/// All of an organisation's transactions, page by page.
async fn all_of(app: &App, organisation: OrganisationId) -> Result<Vec<Transaction>> {
    let mut all: Vec<Transaction> = Vec::new();
    loop {
        let page = Page {
            before: all.last().map(|oldest| oldest.id),
            limit: MOST_LISTED,
        };
        let some = billing::page_of_transactions(app, organisation, &page).await?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some);
    }
}

pub(crate) fn printed(app: &App, amount: Money) -> String {
    format!("{amount} {}", app.settings.billing.currency)
}

fn moved(app: &App, json: bool, transaction: &Transaction) -> Result<()> {
    if json {
        return table::json(&shown(transaction));
    }
    table::line(&format!(
        "{} of {}: the balance is {}",
        transaction.kind.as_str(),
        printed(app, transaction.amount),
        printed(app, transaction.balance_after)
    ));
    Ok(())
}

fn shown(transaction: &Transaction) -> Value {
    json!({
        "id": transaction.id,
        "type": transaction.kind.as_str(),
        "amount": transaction.amount.to_string(),
        "balance_after": transaction.balance_after.to_string(),
        "description": transaction.description,
        "created_at": transaction.created_at.rfc3339(),
    })
}

fn transactions(all: &[Transaction], json: bool) -> Result<()> {
    if json {
        return table::json(&all.iter().map(shown).collect::<Vec<_>>());
    }
    let rows = all.iter().map(|transaction| {
        vec![
            transaction.id.to_string(),
            transaction.kind.as_str().to_owned(),
            transaction.amount.to_string(),
            transaction.balance_after.to_string(),
            transaction.description.clone(),
            transaction.created_at.rfc3339(),
        ]
    });
    table::print(
        &["ID", "TYPE", "AMOUNT", "BALANCE", "DESCRIPTION", "CREATED"],
        rows.collect(),
    );
    Ok(())
}

fn shown_invoice(invoice: &Invoice, customer: &Customer) -> Value {
    let lines = invoice.lines.iter().map(|line| {
        json!({
            "server_id": line.server_id,
            "server": line.server,
            "region": line.region,
            "plan": line.plan,
            "hours": line.hours,
            "amount": line.amount.to_string(),
        })
    });
    json!({
        "number": invoice.number,
        "organisation": customer.organisation.slug,
        "period": invoice.period(),
        "lines": lines.collect::<Vec<_>>(),
        "total": invoice.total.to_string(),
        "currency": invoice.currency,
        "status": invoice.status.as_str(),
        "created_at": invoice.created_at.rfc3339(),
    })
}

async fn invoices(app: &App, all: &[Invoice], json: bool) -> Result<()> {
    let mut session = app.store.read().await?;
    let mut with_customers = Vec::with_capacity(all.len());
    for invoice in all {
        let customer = store::customers::by_id(&mut session, invoice.organisation_id).await?;
        with_customers.push((invoice, customer));
    }
    if json {
        let shown = with_customers
            .iter()
            .map(|(invoice, customer)| shown_invoice(invoice, customer));
        return table::json(&shown.collect::<Vec<_>>());
    }
    let rows = with_customers.into_iter().map(|(invoice, customer)| {
        vec![
            invoice.number.to_string(),
            customer.organisation.slug,
            invoice.period(),
            format!("{} {}", invoice.total, invoice.currency),
            invoice.status.as_str().to_owned(),
            invoice.created_at.rfc3339(),
        ]
    });
    table::print(
        &[
            "NUMBER",
            "ORGANISATION",
            "PERIOD",
            "TOTAL",
            "STATUS",
            "CREATED",
        ],
        rows.collect(),
    );
    Ok(())
}

async fn invoice(app: &App, number: i64, html: Option<PathBuf>, json: bool) -> Result<()> {
    let mut session = app.store.read().await?;
    let invoice = store::invoices::of_anybody(&mut session, number)
        .await?
        .ok_or_else(|| Error::not_found("invoice"))?;
    let customer = store::customers::by_id(&mut session, invoice.organisation_id).await?;
    drop(session);
    if let Some(path) = html {
        let page = billing::invoice_html(&invoice);
        std::fs::write(&path, page).map_err(|error| {
            Error::invalid(format!("{} can't be written: {error}", path.display()))
        })?;
        table::line(&format!("invoice {number} is in {}", path.display()));
        return Ok(());
    }
    if json {
        return table::json(&shown_invoice(&invoice, &customer));
    }
    table::line(&format!(
        "invoice {number} of {} for {}: {} {}, {}",
        invoice.customer,
        invoice.period(),
        invoice.total,
        invoice.currency,
        invoice.status.as_str()
    ));
    let rows = invoice.lines.into_iter().map(|line| {
        vec![
            line.server,
            line.plan,
            line.region,
            line.hours.to_string(),
            line.amount.to_string(),
        ]
    });
    table::print(
        &["SERVER", "PLAN", "REGION", "HOURS", "AMOUNT"],
        rows.collect(),
    );
    Ok(())
}
