//! `arcus report`: what was brought in, and how full the regions are.

use clap::{Args, Subcommand};
use control::{App, capacity};
use domain::billing::Month;
use domain::{Money, Result};

use crate::billing::printed;
use crate::config::Place;
use crate::{context, table};

#[derive(Args)]
pub(crate) struct Report {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What each organisation was charged in a month, and what it was given back in it.
    Revenue {
        /// Such as 2027-03; the present month where absent.
        #[arg(long)]
        month: Option<Month>,
    },
    /// What the operator's regions have, what of it may be sold, and what is.
    Capacity,
}

pub(crate) async fn run(place: &Place, report: Report) -> Result<()> {
    let app = context::app(place).await?;
    let done = match report.command {
        Command::Revenue { month } => revenue(&app, month).await,
        Command::Capacity => rooms(&app).await,
    };
    app.store.close().await;
    done
}

async fn revenue(app: &App, month: Option<Month>) -> Result<()> {
    let month = month.unwrap_or_else(|| Month::of(app.clock().now()));
    let lines = store::charges::revenue(&mut app.store.read().await?, month).await?;
    let (mut hours, mut total, mut given_back) = (0, Money(0), Money(0));
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        hours += line.hours;
        total = total.plus(line.amount)?;
        given_back = given_back.plus(line.given_back)?;
        rows.push(vec![
            line.organisation,
            line.hours.to_string(),
            line.amount.to_string(),
            line.given_back.to_string(),
            line.amount.minus(line.given_back)?.to_string(),
        ]);
    }
    table::print(
        &[
            "ORGANISATION",
            "SERVER HOURS",
            "CHARGED",
            "GIVEN BACK",
            "REVENUE",
        ],
        rows,
    );
    let charged = format!(
        "\n{month}: {hours} server hours for {}",
        printed(app, total)
    );
    if given_back == Money(0) {
        table::line(&charged);
    } else {
        table::line(&format!(
            "{charged}, less {} given back: {}",
            printed(app, given_back),
            printed(app, total.minus(given_back)?)
        ));
    }
    Ok(())
}

async fn rooms(app: &App) -> Result<()> {
    let mut session = app.store.read().await?;
    let mut rows = Vec::new();
    for region in store::house::regions(&mut session).await? {
        let has = store::house::capacity(&mut session, &region.slug).await?;
        let sold = store::quotas::sold(&mut session, &region.slug).await?;
        let limits = has.map(|has| capacity::limits(&has, &region.overcommit));
        let mut row = |what: &str, has: Option<u64>, factor: Option<f64>, limit, sold: u64| {
            let known =
                |amount: Option<u64>| amount.map_or("unknown".to_owned(), |n| n.to_string());
            let limit = match factor {
                Some(_) => known(limit),
                None => "no limit".to_owned(),
            };
            rows.push(vec![
                region.slug.clone(),
                what.to_owned(),
                known(has),
                limit,
                sold.to_string(),
            ]);
        };
        let of = |part: fn(&domain::quota::Limits) -> u64| limits.as_ref().map(part);
        row(
            "cpus",
            has.map(|has| has.cpus),
            region.overcommit.cpus,
            of(|limits| limits.cpus),
            sold.cpus,
        );
        row(
            "memory-mib",
            has.map(|has| has.memory_mib),
            region.overcommit.memory,
            of(|limits| limits.memory_mib),
            sold.memory_mib,
        );
        row(
            "disk-gib",
            has.map(|has| has.disk_gib),
            region.overcommit.disk,
            of(|limits| limits.disk_gib),
            sold.disk_gib,
        );
    }
    table::print(&["REGION", "WHAT", "HAS", "MAY BE SOLD", "SOLD"], rows);
    Ok(())
}
