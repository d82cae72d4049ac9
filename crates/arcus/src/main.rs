//! The binary: reads the configuration, wires the crates together, and is the operator's command line.

mod admin;
mod audit;
mod billing;
mod cloud;
mod config;
mod context;
mod customers;
mod discover;
mod house;
mod listen;
mod orphans;
mod report;
mod sandbox;
mod serve;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Each request makes and drops many small things, on all processors at once: a quarter of its time went to the C
/// library's allocator, which also keeps the 19 MiB that hashing a password takes. This one gives back what lies unused.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Turns one's own machines and cloud accounts into one cloud.
#[derive(Parser)]
#[command(name = "arcus", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    place: config::Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the control plane.
    Serve(config::Serve),
    /// Users, organisations, the setup token, orphans.
    #[command(subcommand)]
    Admin(admin::Command),
    /// The operator's own regions.
    #[command(subcommand)]
    Region(house::RegionCommand),
    /// Clouds: what an account has to allow, and taking servers under management that are there already.
    #[command(subcommand)]
    Cloud(cloud::Command),
    /// The images that servers are made from.
    #[command(subcommand)]
    Image(house::ImageCommand),
    /// The sizes of servers.
    #[command(subcommand)]
    Plan(house::PlanCommand),
    /// The simulated cloud: what is in it, and its faults.
    #[command(subcommand)]
    Sandbox(sandbox::Command),
    /// The audit trail.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Balances, transactions, invoices.
    Billing(billing::Billing),
    /// Organisations as customers: suspensions and quotas.
    Customer(customers::Customers),
    /// What was brought in, and how full the regions are.
    Report(report::Report),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The one TLS provider; it can fail only when one was installed before, and this is the first line that runs.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("arcus: no threads can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let private = error.private();
            if private.is_empty() {
                eprintln!("arcus: {error}");
            } else {
                eprintln!("arcus: {error} ({private})");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> domain::Result<()> {
    let place = cli.place;
    match cli.command {
        Command::Serve(flags) => serve::run(&place, flags).await,
        Command::Admin(command) => admin::run(&place, command).await,
        Command::Region(command) => house::region(&place, command).await,
        Command::Cloud(command) => cloud::run(&place, command).await,
        Command::Image(command) => house::image(&place, command).await,
        Command::Plan(command) => house::plan(&place, command).await,
        Command::Sandbox(command) => sandbox::run(&place, command).await,
        Command::Audit(command) => audit::run(&place, command).await,
        Command::Billing(billing) => billing::run(&place, billing).await,
        Command::Customer(customers) => customers::run(&place, customers).await,
        Command::Report(report) => report::run(&place, report).await,
    }
}
