//! `arcus plan`. Called by `main`; the rules of `house` hold.

use clap::{Args, Subcommand};
use control::catalog::house;
use domain::billing::monthly_price;
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
    /// The most that a calendar month costs, a decimal; all of its hours unless set, or where it is `none`.
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
            if plan.hourly == Money(0) {
                table::line("it has no price: its servers cost nothing");
            }
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
        let hourly = match &self.hourly {
            Some(text) => money(text)?,
            None => known.map_or(Money(0), |plan| plan.hourly),
        };
        // Where a month had no limit but its hours, it has none with another price either.
        let limit = |plan: &Plan| match monthly_price(plan.hourly, None) {
            Ok(most) if most == plan.monthly => None,
            _ => Some(plan.monthly),
        };
        let given = match self.monthly.as_deref() {
            Some("none") => None,
            Some(text) => Some(money(text)?),
            None => known.and_then(limit),
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
            hourly,
            monthly: monthly_price(hourly, given)?,
            open: self.service.over(known.is_none_or(|plan| plan.open)),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    /// What `arcus plan add` makes of a plan with these flags.
    fn add(known: Option<&Plan>, flags: &[&str]) -> Result<Plan> {
        let command = PlanFlags::augment_args(clap::Command::new("add"));
        let sizes = [
            "add",
            "small",
            "--cpus=1",
            "--memory-mib=512",
            "--disk-gib=10",
        ];
        let matches = command.get_matches_from([&sizes[..], flags].concat());
        let flags = PlanFlags::from_arg_matches(&matches).expect("they are known");
        flags.over(known)
    }

    #[test]
    fn a_plan_without_a_monthly_price_costs_every_hour_of_the_month_whatever_becomes_of_its_price()
    {
        let plan = add(None, &["--hourly=0.005"]).expect("is right");
        assert_eq!(plan.monthly, Money(744 * 5_000));
        let dearer = add(Some(&plan), &["--hourly=0.01"]).expect("is right");
        assert_eq!(dearer.monthly, Money(744 * 10_000));
        let limited = add(Some(&dearer), &["--monthly=3.5"]).expect("is right");
        assert_eq!(limited.monthly, Money(3_500_000));
        let dearer = add(Some(&limited), &["--hourly=0.02"]).expect("is right");
        assert_eq!(dearer.monthly, Money(3_500_000), "what was set stays");
        let free = add(Some(&dearer), &["--monthly=none"]).expect("is right");
        assert_eq!(free.monthly, Money(744 * 20_000));
    }

    #[test]
    fn a_plan_whose_servers_would_cost_nothing_by_mistake_is_refused() {
        for flags in [
            &["--hourly=0.005", "--monthly=0"][..],
            &["--hourly=0.005", "--monthly=0.004"],
            &["--monthly=3.5"],
        ] {
            let error = add(None, flags).expect_err("is refused");
            assert!(error.message().contains("nothing was changed"), "{error}");
        }
    }
}
