//! `arcus region|image|plan add|ls|rm`.

use clap::{Args, Subcommand};
use control::catalog::house;
use domain::credentials::Credentials;
use domain::{Error, Image, ImageSource, Plan, Result};
use serde_json::{Map, Value};
use store::house::HouseRegion;

use crate::config::{Place, money};
use crate::{context, table};

#[derive(Subcommand)]
pub(crate) enum RegionCommand {
    /// Add a region, or change one. Its cloud is tried first.
    Add(Box<RegionFlags>),
    /// List the regions.
    Ls,
    /// Remove a region in which no server lives.
    Rm {
        /// Its slug.
        slug: String,
    },
}

#[derive(Args)]
pub(crate) struct RegionFlags {
    /// Its slug.
    slug: String,
    /// What users read.
    #[arg(long)]
    name: Option<String>,
    /// Which cloud: `incus` or `sandbox`.
    #[arg(long, default_value = "incus")]
    cloud: String,
    /// Where it listens: `unix:///var/lib/incus/unix.socket` or `https://HOST:8443`.
    #[arg(long)]
    url: Option<String>,
    /// The file of the client certificate, PEM.
    #[arg(long)]
    client_certificate: Option<std::path::PathBuf>,
    /// The file of the client key, PEM.
    #[arg(long)]
    client_key: Option<std::path::PathBuf>,
    /// The file of the server's certificate, PEM.
    #[arg(long)]
    server_certificate: Option<std::path::PathBuf>,
    /// The Incus project.
    #[arg(long)]
    project: Option<String>,
    /// The member or group of the Incus cluster for new servers.
    #[arg(long)]
    target: Option<String>,
    /// The storage pool of new servers.
    #[arg(long)]
    pool: Option<String>,
    /// The network of new servers.
    #[arg(long)]
    network: Option<String>,
    /// Make virtual machines, not containers.
    #[arg(long)]
    vm: bool,
    /// Take it out of service for new servers.
    #[arg(long)]
    closed: bool,
}

#[derive(Subcommand)]
pub(crate) enum PlanCommand {
    /// Add a plan, or change one for the servers to come.
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
    /// The group that it is listed in.
    #[arg(long, default_value = "General Purpose")]
    family: String,
    /// Virtual processors.
    #[arg(long)]
    cpus: u32,
    /// Memory in MiB.
    #[arg(long)]
    memory_mib: u64,
    /// Disk in GiB.
    #[arg(long)]
    disk_gib: u64,
    /// Transfer included, in TB a month.
    #[arg(long, default_value_t = 0)]
    bandwidth_tb: u32,
    /// Price per hour, a decimal.
    #[arg(long, default_value = "0")]
    hourly: String,
    /// Price per month, a decimal.
    #[arg(long, default_value = "0")]
    monthly: String,
    /// Keep it from new servers.
    #[arg(long)]
    closed: bool,
}

#[derive(Subcommand)]
pub(crate) enum ImageCommand {
    /// Add an image, or change one for the servers to come.
    Add(ImageFlags),
    /// List the images.
    Ls,
    /// Remove an image.
    Rm {
        /// Its slug.
        slug: String,
    },
}

#[derive(Args)]
pub(crate) struct ImageFlags {
    /// Its slug.
    slug: String,
    /// What users read.
    #[arg(long)]
    name: Option<String>,
    /// The distribution and release: `debian-12`, `debian-13`, `ubuntu-22.04`, `ubuntu-24.04`.
    #[arg(long)]
    distribution: String,
    /// The user whom the image's SSH server lets in.
    #[arg(long, default_value = "root")]
    login_user: String,
    /// An alias at the Incus server.
    #[arg(long)]
    alias: Option<String>,
    /// A simplestreams server.
    #[arg(long)]
    server: Option<String>,
    /// The alias at the simplestreams server.
    #[arg(long)]
    remote_alias: Option<String>,
    /// Keep it from new servers.
    #[arg(long)]
    closed: bool,
}

pub(crate) async fn region(place: &Place, command: RegionCommand) -> Result<()> {
    let app = context::app(place).await?;
    match command {
        RegionCommand::Add(flags) => {
            let region = flags.region()?;
            house::put_region(&app, &region).await?;
            table::line(&format!("the region {} is there", region.slug));
        }
        RegionCommand::Ls => {
            let rows = house::regions(&app).await?.into_iter().map(|region| {
                let url = region
                    .options
                    .get("url")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                vec![
                    region.slug,
                    region.name,
                    region.cloud,
                    url,
                    state(region.open),
                    region.source,
                ]
            });
            table::print(
                &["SLUG", "NAME", "CLOUD", "URL", "STATE", "FROM"],
                rows.collect(),
            );
        }
        RegionCommand::Rm { slug } => {
            house::remove_region(&app, &slug).await?;
            table::line(&format!("the region {slug} was removed"));
        }
    }
    app.store.close().await;
    Ok(())
}

pub(crate) async fn plan(place: &Place, command: PlanCommand) -> Result<()> {
    let app = context::app(place).await?;
    match command {
        PlanCommand::Add(flags) => {
            let plan = flags.plan()?;
            house::put_plan(&app, &plan, "cli").await?;
            table::line(&format!("the plan {} is there", plan.slug));
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
            table::line(&format!("the plan {slug} was removed"));
        }
    }
    app.store.close().await;
    Ok(())
}

pub(crate) async fn image(place: &Place, command: ImageCommand) -> Result<()> {
    let app = context::app(place).await?;
    match command {
        ImageCommand::Add(flags) => {
            let image = flags.image();
            house::put_image(&app, &image, "cli").await?;
            table::line(&format!("the image {} is there", image.slug));
        }
        ImageCommand::Ls => {
            let rows = house::images(&app).await?.into_iter().map(|image| {
                let source = image.source;
                vec![
                    image.slug,
                    image.name,
                    image.distribution,
                    image.login_user,
                    source.alias.unwrap_or_default(),
                    source.server.unwrap_or_default(),
                    state(image.open),
                ]
            });
            let header = [
                "SLUG",
                "NAME",
                "DISTRIBUTION",
                "LOGIN",
                "ALIAS",
                "SERVER",
                "STATE",
            ];
            table::print(&header, rows.collect());
        }
        ImageCommand::Rm { slug } => {
            house::remove_image(&app, &slug).await?;
            table::line(&format!("the image {slug} was removed"));
        }
    }
    app.store.close().await;
    Ok(())
}

fn state(open: bool) -> String {
    if open { "open" } else { "closed" }.to_owned()
}

// === impl RegionFlags ===

impl RegionFlags {
    fn region(self) -> Result<HouseRegion> {
        let mut options = Map::new();
        let texts = [
            ("url", self.url),
            ("project", self.project),
            ("target", self.target),
            ("pool", self.pool),
            ("network", self.network),
        ];
        for (name, text) in texts {
            options.extend(text.map(|text| (name.to_owned(), Value::String(text))));
        }
        if self.vm {
            options.insert("vm".to_owned(), Value::Bool(true));
        }
        let mut credentials = Credentials::default();
        let files = [
            ("client_certificate", self.client_certificate),
            ("client_key", self.client_key),
            ("server_certificate", self.server_certificate),
        ];
        for (name, path) in files {
            let Some(path) = path else { continue };
            let text = std::fs::read_to_string(&path).map_err(|error| {
                Error::invalid(format!("{} can't be read: {error}", path.display()))
            })?;
            credentials = credentials.with(name, text);
        }
        Ok(HouseRegion {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
            cloud: self.cloud,
            options,
            credentials,
            open: !self.closed,
            source: "cli".to_owned(),
        })
    }
}

// === impl PlanFlags ===

impl PlanFlags {
    fn plan(self) -> Result<Plan> {
        Ok(Plan {
            hourly: money(&self.hourly)?,
            monthly: money(&self.monthly)?,
            slug: self.slug,
            family: self.family,
            cpus: self.cpus,
            memory_mib: self.memory_mib,
            disk_gib: self.disk_gib,
            bandwidth_tb: self.bandwidth_tb,
            open: !self.closed,
        })
    }
}

// === impl ImageFlags ===

impl ImageFlags {
    fn image(self) -> Image {
        Image {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
            distribution: self.distribution,
            login_user: self.login_user,
            source: ImageSource {
                alias: self.alias,
                server: self.server,
                remote_alias: self.remote_alias,
            },
            open: !self.closed,
        }
    }
}
