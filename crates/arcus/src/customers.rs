//! `arcus customer`: organisations as customers, their suspension and their limits.

use clap::{Args, Subcommand};
use control::{App, billing, quota};
use domain::quota::Overrides;
use domain::{Error, Result};
use store::customers::{Customer, Reason};

use crate::billing::printed;
use crate::config::Place;
use crate::{context, table};

#[derive(Args)]
pub(crate) struct Customers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the organisations with what they have.
    Ls,
    /// Print what an organisation has, uses and may use.
    Show {
        /// The organisation's id or slug.
        organisation: String,
    },
    /// Switch an organisation's servers in the operator's regions off, and let it add none.
    Suspend {
        /// The organisation's id or slug.
        organisation: String,
    },
    /// End a suspension.
    Resume {
        /// The organisation's id or slug.
        organisation: String,
    },
    /// Give an organisation limits of its own; `default` takes one back.
    Quota(Quota),
}

#[derive(Args)]
struct Quota {
    /// The organisation's id or slug.
    organisation: String,
    /// Servers.
    #[arg(long, value_parser = limit)]
    servers: Option<Limit>,
    /// Virtual processors.
    #[arg(long, value_parser = limit)]
    cpus: Option<Limit>,
    /// Memory in MiB.
    #[arg(long, value_parser = limit)]
    memory_mib: Option<Limit>,
    /// Disk in GiB.
    #[arg(long, value_parser = limit)]
    disk_gib: Option<Limit>,
    /// Snapshots.
    #[arg(long, value_parser = limit)]
    snapshots: Option<Limit>,
}

/// A limit of its own, or none.
#[derive(Clone, Copy)]
struct Limit(Option<u64>);

fn limit(text: &str) -> Result<Limit, String> {
    if text == "default" {
        return Ok(Limit(None));
    }
    // What is larger can't be kept in the database.
    text.parse::<u32>()
        .map(|limit| Limit(Some(u64::from(limit))))
        .map_err(|_| "write a number, or `default`".to_owned())
}

pub(crate) async fn run(place: &Place, customers: Customers) -> Result<()> {
    let app = context::app(place).await?;
    let done = perform(&app, customers.command).await;
    app.store.close().await;
    done
}

/// The organisation of that id or slug.
pub(crate) async fn find(app: &App, name: &str) -> Result<Customer> {
    store::customers::find(&mut app.store.read().await?, name)
        .await?
        .ok_or_else(|| Error::not_found("organisation"))
}

async fn perform(app: &App, command: Command) -> Result<()> {
    match command {
        Command::Ls => {
            let customers = store::customers::list(&mut app.store.read().await?).await?;
            let rows = customers.into_iter().map(|customer| {
                vec![
                    customer.organisation.public_id.to_string(),
                    customer.organisation.slug.clone(),
                    customer.organisation.name.clone(),
                    printed(app, customer.balance),
                    state(&customer),
                ]
            });
            table::print(&["ID", "SLUG", "NAME", "BALANCE", "STATE"], rows.collect());
        }
        Command::Show { organisation } => show(app, &organisation).await?,
        Command::Suspend { organisation } => {
            let customer = find(app, &organisation).await?;
            billing::suspend(app, customer.organisation.id).await?;
            table::line("the organisation is suspended; its servers are being switched off");
        }
        Command::Resume { organisation } => {
            let customer = find(app, &organisation).await?;
            billing::resume(app, customer.organisation.id).await?;
            table::line("the organisation is suspended no more; its servers are being switched on");
        }
        Command::Quota(flags) => {
            let customer = find(app, &flags.organisation).await?;
            let id = customer.organisation.id;
            let known = store::quotas::overrides(&mut app.store.read().await?, id).await?;
            let overrides = flags.over(known);
            if overrides != known {
                quota::set(app, id, &overrides).await?;
            }
            quotas(app, &customer).await?;
        }
    }
    Ok(())
}

fn state(customer: &Customer) -> String {
    match customer.suspension {
        None => "active".to_owned(),
        Some(suspension) => {
            let why = match suspension.reason {
                Reason::Balance => "it owes",
                Reason::Operator => "the operator's word",
            };
            let end = suspension.destroy_at.map_or_else(String::new, |at| {
                format!("; its servers are destroyed on {at}")
            });
            format!("suspended since {}: {why}{end}", suspension.since)
        }
    }
}

async fn show(app: &App, organisation: &str) -> Result<()> {
    let customer = find(app, organisation).await?;
    let id = customer.organisation.id;
    let hourly = store::billing::hourly(&mut app.store.read().await?, id).await?;
    table::line(&format!(
        "{} ({}), id {}, since {}",
        customer.organisation.name,
        customer.organisation.slug,
        customer.organisation.public_id,
        customer.organisation.created_at
    ));
    table::line(&format!(
        "balance {}, servers cost {} an hour, {}\n",
        printed(app, customer.balance),
        printed(app, hourly),
        state(&customer)
    ));
    quotas(app, &customer).await
}

/// Prints what an organisation has of everything, and may have.
async fn quotas(app: &App, customer: &Customer) -> Result<()> {
    let id = customer.organisation.id;
    let mut session = app.store.read().await?;
    let overrides = store::quotas::overrides(&mut session, id).await?;
    let used = store::quotas::used(&mut session, id).await?;
    drop(session);
    let limits = app.settings.quota.with(&overrides);
    let row = |what: &str, used: u64, limit: u64, own: Option<u64>| {
        let whose = if own.is_some() { "its own" } else { "default" };
        vec![
            what.to_owned(),
            used.to_string(),
            limit.to_string(),
            whose.to_owned(),
        ]
    };
    table::print(
        &["QUOTA", "USED", "LIMIT", "WHOSE"],
        vec![
            row("servers", used.servers, limits.servers, overrides.servers),
            row("cpus", used.cpus, limits.cpus, overrides.cpus),
            row(
                "memory-mib",
                used.memory_mib,
                limits.memory_mib,
                overrides.memory_mib,
            ),
            row(
                "disk-gib",
                used.disk_gib,
                limits.disk_gib,
                overrides.disk_gib,
            ),
            row(
                "snapshots",
                used.snapshots,
                limits.snapshots,
                overrides.snapshots,
            ),
        ],
    );
    Ok(())
}

// === impl Quota ===

impl Quota {
    fn over(&self, known: Overrides) -> Overrides {
        let pick = |flag: Option<Limit>, known| flag.map_or(known, |limit| limit.0);
        Overrides {
            servers: pick(self.servers, known.servers),
            cpus: pick(self.cpus, known.cpus),
            memory_mib: pick(self.memory_mib, known.memory_mib),
            disk_gib: pick(self.disk_gib, known.disk_gib),
            snapshots: pick(self.snapshots, known.snapshots),
        }
    }
}
