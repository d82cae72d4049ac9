//! `arcus plan`. Called by `main`; the rules of `house` hold.

use clap::{Args, Subcommand};
use control::catalog::house;
use domain::{Error, Money, Plan, Result};

use super::{Facts, Service, changes, done, state, tell};
use crate::config::{GENERAL_PURPOSE, Place, money};
use crate::{context, table};

#[derive(Subcommand)]
pub(crate) enum PlanCommand {
    /// Add a plan, or change what the flags name of one, for the servers to come.
    Add(PlanFlags),
    /// List the plans.
    Ls,
    /// Remove a plan.
    Rm {
        /// Its slug.
        slug: String,
    },
}

#[derive(Args)]
pub(crate) struct PlanFlags {
    /// Its slug.
    slug: String,
    /// The group that it is listed in; "General Purpose" unless set.
    #[arg(long)]
    family: Option<String>,
    /// Virtual processors.
    #[arg(long)]
    cpus: Option<u32>,
    /// Memory in MiB.
    #[arg(long)]
    memory_mib: Option<u64>,
    /// Disk in GiB.
    #[arg(long)]
    disk_gib: Option<u64>,
    /// Transfer included, in TB a month.
    #[arg(long)]
    bandwidth_tb: Option<u32>,
    /// Price per hour, a decimal.
    #[arg(long)]
    hourly: Option<String>,
    /// Price per month, a decimal.
    #[arg(long)]
    monthly: Option<String>,
    #[command(flatten)]
    service: Service,
}

pub(crate) async fn plan(place: &Place, command: PlanCommand) -> Result<()> {
    let app = context::app(place).await?;
    match command {
        PlanCommand::Add(flags) => {
            let all = house::plans(&app).await?;
            let known = all.into_iter().find(|plan| plan.slug == flags.slug);
            let plan = flags.over(known.as_ref())?;
            house::put_plan(&app, &plan, "cli").await?;
            let changes = known.map(|known| changes(&facts(&known), &facts(&plan)));
            let done = done("plan", &plan.slug, changes.as_deref());
            tell(place, "plan", &plan.slug, &done);
        }
        PlanCommand::Ls => {
            let rows = house::plans(&app).await?.into_iter().map(|plan| {
                vec![
                    plan.slug,
                    plan.family,
                    plan.cpus.to_string(),
                    plan.memory_mib.to_string(),
                    plan.disk_gib.to_string(),
                    plan.hourly.four_places(),
                    plan.monthly.four_places(),
                    state(plan.open),
                ]
            });
            let header = [
                "SLUG",
                "FAMILY",
                "CPUS",
                "MEMORY MIB",
                "DISK GIB",
                "HOURLY",
                "MONTHLY",
                "STATE",
            ];
            table::print(&header, rows.collect());
        }
        PlanCommand::Rm { slug } => {
            house::remove_plan(&app, &slug).await?;
            tell(
                place,
                "plan",
                &slug,
                &format!("the plan {slug} was removed"),
            );
        }
    }
    app.store.close().await;
    Ok(())
}

fn facts(plan: &Plan) -> Facts {
    vec![
        ("family", plan.family.clone()),
        ("cpus", plan.cpus.to_string()),
        ("memory-mib", plan.memory_mib.to_string()),
        ("disk-gib", plan.disk_gib.to_string()),
        ("bandwidth-tb", plan.bandwidth_tb.to_string()),
        // To the unit, or a change in the last places would be said to be none.
        ("hourly", plan.hourly.to_string()),
        ("monthly", plan.monthly.to_string()),
        ("state", state(plan.open)),
    ]
}

// === impl PlanFlags ===

impl PlanFlags {
    /// The plan that is there with the flags laid over it, or a new one.
    fn over(&self, known: Option<&Plan>) -> Result<Plan> {
        let missing = || {
            Error::invalid(format!(
                "there is no plan {:?} yet: a new one needs --cpus, --memory-mib and --disk-gib",
                self.slug
            ))
        };
        let price = |given: &Option<String>, known: Option<Money>| match given {
            Some(text) => money(text),
            None => Ok(known.unwrap_or(Money(0))),
        };
        let size = |given: Option<u64>, known: Option<u64>| given.or(known).ok_or_else(missing);
        let family = self.family.clone();
        Ok(Plan {
            slug: self.slug.clone(),
            family: family
                .or_else(|| known.map(|plan| plan.family.clone()))
                .unwrap_or_else(|| GENERAL_PURPOSE.to_owned()),
            cpus: self
                .cpus
                .or(known.map(|plan| plan.cpus))
                .ok_or_else(missing)?,
            memory_mib: size(self.memory_mib, known.map(|plan| plan.memory_mib))?,
            disk_gib: size(self.disk_gib, known.map(|plan| plan.disk_gib))?,
            bandwidth_tb: self
                .bandwidth_tb
                .or(known.map(|plan| plan.bandwidth_tb))
                .unwrap_or(0),
            hourly: price(&self.hourly, known.map(|plan| plan.hourly))?,
            monthly: price(&self.monthly, known.map(|plan| plan.monthly))?,
            open: self.service.over(known.is_none_or(|plan| plan.open)),
        })
    }
}
