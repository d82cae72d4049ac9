//! `arcus image`. Called by `main`; the rules of `house` hold.

use clap::{Args, Subcommand};
use control::catalog::house;
use domain::offer::Minimum;
use domain::{Error, Image, ImageSource, Result};

use super::{Facts, Service, changes, done, state, tell};
use crate::config::{Place, ROOT};
use crate::{context, table};

#[derive(Subcommand)]
pub(crate) enum ImageCommand {
    /// Add an image, or change what the flags name of one, for the servers to come.
    Add(Box<ImageFlags>),
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
    distribution: Option<String>,
    /// The user whom the image's SSH server lets in; `root` unless set.
    #[arg(long)]
    login_user: Option<String>,
    /// An alias at the Incus server; an empty text takes it back.
    #[arg(long)]
    alias: Option<String>,
    /// A simplestreams server; an empty text takes it back.
    #[arg(long)]
    server: Option<String>,
    /// The alias at the simplestreams server; an empty text takes it back.
    #[arg(long)]
    remote_alias: Option<String>,
    /// A package that comes with it, once for each: with some it is an application, without any a template.
    #[arg(long = "package")]
    packages: Vec<String>,
    /// The least processors of a plan for it.
    #[arg(long)]
    min_cpus: Option<u32>,
    /// The least memory of a plan for it, in MiB.
    #[arg(long)]
    min_memory_mib: Option<u64>,
    /// The least disk of a plan for it, in GiB.
    #[arg(long)]
    min_disk_gib: Option<u64>,
    #[command(flatten)]
    service: Service,
}

pub(crate) async fn image(place: &Place, command: ImageCommand) -> Result<()> {
    let app = context::app(place).await?;
    match command {
        ImageCommand::Add(flags) => {
            let all = house::images(&app).await?;
            let known = all.into_iter().find(|image| image.slug == flags.slug);
            let before = known.as_ref().map(facts);
            let image = flags.over(known)?;
            house::put_image(&app, &image, "cli").await?;
            let changes = before.map(|before| changes(&before, &facts(&image)));
            let done = done("image", &image.slug, changes.as_deref());
            tell(place, "image", &image.slug, &done);
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
            tell(
                place,
                "image",
                &slug,
                &format!("the image {slug} was removed"),
            );
        }
    }
    app.store.close().await;
    Ok(())
}

fn facts(image: &Image) -> Facts {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
    vec![
        ("name", image.name.clone()),
        ("distribution", image.distribution.clone()),
        ("login-user", image.login_user.clone()),
        ("alias", text(&image.source.alias)),
        ("server", text(&image.source.server)),
        ("remote-alias", text(&image.source.remote_alias)),
        ("packages", image.packages.join(" ")),
        ("min-cpus", number(image.minimum.cpus.map(u64::from))),
        ("min-memory-mib", number(image.minimum.memory_mib)),
        ("min-disk-gib", number(image.minimum.disk_gib)),
        ("state", state(image.open)),
    ]
}

// === impl ImageFlags ===

impl ImageFlags {
    /// The image that is there with the flags laid over it, or a new one.
    fn over(self, known: Option<Image>) -> Result<Image> {
        let known = match (known, &self.distribution) {
            (Some(known), _) => known,
            (None, Some(distribution)) => Image {
                slug: self.slug.clone(),
                name: self.slug,
                distribution: distribution.clone(),
                login_user: ROOT.to_owned(),
                source: ImageSource::default(),
                packages: Vec::new(),
                minimum: Minimum::default(),
                open: true,
            },
            (None, None) => {
                return Err(Error::invalid(format!(
                    "there is no image {:?} yet: a new one needs --distribution",
                    self.slug
                )));
            }
        };
        let place = |given: Option<String>, known: Option<String>| {
            given.or(known).filter(|text| !text.is_empty())
        };
        Ok(Image {
            slug: known.slug,
            name: self.name.unwrap_or(known.name),
            distribution: self.distribution.unwrap_or(known.distribution),
            login_user: self.login_user.unwrap_or(known.login_user),
            source: ImageSource {
                alias: place(self.alias, known.source.alias),
                server: place(self.server, known.source.server),
                remote_alias: place(self.remote_alias, known.source.remote_alias),
            },
            packages: if self.packages.is_empty() {
                known.packages
            } else {
                self.packages
            },
            minimum: Minimum {
                cpus: self.min_cpus.or(known.minimum.cpus),
                memory_mib: self.min_memory_mib.or(known.minimum.memory_mib),
                disk_gib: self.min_disk_gib.or(known.minimum.disk_gib),
            },
            open: self.service.over(known.open),
        })
    }
}
