//! `arcus cloud`: what an account at a cloud has to allow, and taking servers under management that are there already.
//!
//! Called by `main`. What must stay true: an import is shown before it is made, and is made only as it was shown.

use clap::{Args, Subcommand};
use clouds::registry;
use control::environments::preview::{self, Preview};
use control::environments::{self, Import};
use domain::{Error, PublicId, Result};

use crate::config::Place;
use crate::{context, table};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the least that the owner of an account has to allow, in the cloud's own form.
    Policy {
        /// The kind of cloud, such as ec2.
        cloud: String,
    },
    /// Take servers under management that a cloud account has already. Without --apply nothing is done: it shows what would be.
    Import(ImportArgs),
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The provider's id, as GET /providers shows it.
    provider: PublicId,
    /// The cloud's ids of the servers.
    #[arg(required = true)]
    instances: Vec<String>,
    /// The region that they are in.
    #[arg(long)]
    region: String,
    /// The environment that they are to be in, by name; it is made where there is none.
    #[arg(long)]
    environment: String,
    /// The environment's application, by id; the default one where absent.
    #[arg(long)]
    application: Option<PublicId>,
    /// The plan by which they count and cost; needed in the operator's own regions, and not where the cloud has sizes.
    #[arg(long)]
    plan: Option<String>,
    /// Do it, if it is still what was shown with this hash.
    #[arg(long, value_name = "HASH")]
    apply: Option<String>,
}

pub(crate) async fn run(place: &Place, command: Command) -> Result<()> {
    match command {
        Command::Policy { cloud } => policy(&cloud),
        Command::Import(args) => import(place, args).await,
    }
}

fn policy(cloud: &str) -> Result<()> {
    let kind = registry::kind(cloud).ok_or_else(|| {
        let known: Vec<_> = registry::CLOUDS.iter().map(|kind| kind.name).collect();
        let known = known.join(", ");
        Error::invalid(format!("there is no cloud {cloud:?}; there are: {known}"))
    })?;
    let policy = kind.policy.ok_or_else(|| {
        Error::invalid(format!(
            "{cloud} has no policies: its credentials allow what their owner chose when they were made"
        ))
    })?;
    table::json(&policy())
}

async fn import(place: &Place, args: ImportArgs) -> Result<()> {
    let app = context::app(place).await?;
    let importer = environments::as_operator(&app, &args.provider).await?;
    let wanted = Import {
        application: args.application,
        region: args.region,
        environment: args.environment,
        instances: args.instances,
        plan: args.plan,
    };
    let preview = preview::import(&app, &importer, &args.provider, &wanted).await?;
    let Some(hash) = args.apply else {
        show(&preview);
        return Ok(());
    };
    let terms = preview.agreed(&hash).map_err(|_| {
        Error::conflict(
            "what would be done is not what was shown with that hash; nothing was done: look at it again without --apply",
        )
    })?;
    let (id, servers) =
        environments::import(&app, &importer, &args.provider, &wanted, &terms).await?;
    let names: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
    let names = names.join(", ");
    table::line(&format!("being taken into the environment {id}: {names}"));
    Ok(())
}

fn show(preview: &Preview) {
    let rows = preview.taken.iter().map(|server| {
        let plan = if server.plan.is_empty() {
            "?"
        } else {
            &server.plan
        };
        vec![
            server.cloud_id.clone().unwrap_or_default(),
            server.name.clone(),
            plan.to_owned(),
            server.power.as_str().to_owned(),
            server.public_ip.clone().unwrap_or_default(),
        ]
    });
    table::print(
        &["INSTANCE", "NODE", "PLAN", "STATE", "ADDRESS"],
        rows.collect(),
    );
    for call in &preview.calls {
        table::line(&format!("{}: {}", call.call, call.does));
    }
    if let Some(currency) = &preview.price.currency {
        let (more, all) = (&preview.price.difference, &preview.price.afterwards);
        table::line(&format!(
            "price: {} {currency} an hour and {} a month more; all of the environment {} and {}",
            more.hourly, more.monthly, all.hourly, all.monthly
        ));
    }
    table::line(&format!(
        "nothing was done; to do it, the same with: --apply {}",
        preview.hash
    ));
}
