//! `arcus region`. Called by `main`; the rules of `house` hold.
//!
//! What must stay true: no secret is printed. The flags that go to a region's cloud are those of `cloud_flags`.

use clap::{Args, Subcommand};
use clouds::registry;
use control::App;
use control::catalog::house;
use domain::credentials::Credentials;
use domain::offer::Overcommit;
use domain::{Error, Result};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use store::house::HouseRegion;

use super::cloud_flags::CloudFlags;
use super::{Facts, Service, changes, done, state, tell};
use crate::config::{Place, apart};
use crate::{context, table};

/// The cloud of a new region whose flags name none.
const USUAL: &str = "incus";

#[derive(Subcommand)]
pub(crate) enum RegionCommand {
    /// Add a region, or change what the flags name of one. Its cloud is tried first.
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
    #[arg(long, help = which_cloud())]
    cloud: Option<String>,
    #[command(flatten)]
    keys: CloudFlags,
    /// The code of its country, such as TR.
    #[arg(long)]
    country: Option<String>,
    /// How much of its processors may be sold, 1.0 being all of them once; 0 takes the limit back.
    #[arg(long)]
    overcommit_cpus: Option<f64>,
    /// How much of its memory may be sold; 0 takes the limit back.
    #[arg(long)]
    overcommit_memory: Option<f64>,
    /// How much of its disk may be sold; 0 takes the limit back.
    #[arg(long)]
    overcommit_disk: Option<f64>,
    #[command(flatten)]
    service: Service,
}

fn which_cloud() -> String {
    let known: Vec<_> = registry::CLOUDS
        .iter()
        .map(|kind| format!("`{}`", kind.name))
        .collect();
    format!(
        "Which cloud a new region is on: {}; `{USUAL}` unless set",
        known.join(", ")
    )
}

pub(crate) async fn region(place: &Place, command: RegionCommand) -> Result<()> {
    let app = context::app(place).await?;
    match command {
        RegionCommand::Add(flags) => {
            let all = house::regions(&app).await?;
            let known = all.into_iter().find(|region| region.slug == flags.slug);
            let region = flags.over(known.clone())?;
            house::put_region(&app, &region).await?;
            let is_measured = measure(&app, &region).await?;
            let changes = known.as_ref().map(|known| differences(known, &region));
            let done = done("region", &region.slug, changes.as_deref());
            tell(place, "region", &region.slug, &done);
            if !is_measured {
                table::line(
                    "its cloud does not say how large it is; until it does, nothing is sold of what has a limit",
                );
            }
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
            tell(
                place,
                "region",
                &slug,
                &format!("the region {slug} was removed"),
            );
        }
    }
    app.store.close().await;
    Ok(())
}

/// Notes how large a region is, where a limit on what is sold of it depends on that. The reconciler looks every few minutes
/// only, and of a region that it has not seen yet nothing is sold.
///
/// Answers whether that is known, or does not matter.
pub(crate) async fn measure(app: &App, region: &HouseRegion) -> Result<bool> {
    if region.overcommit == Overcommit::default() {
        return Ok(true);
    }
    let account = app.house_account(region)?;
    let Ok(Some(capacity)) = account.cloud.capacity().await else {
        // What was seen before still counts.
        let mut session = app.store.read().await?;
        let known = store::house::capacity(&mut session, &region.slug).await?;
        return Ok(known.is_some());
    };
    let mut session = app.store.write().await?;
    store::house::set_capacity(&mut session, &region.slug, &capacity).await?;
    session.commit().await?;
    Ok(true)
}

/// What differs, with the values of what is no credential.
fn differences(before: &HouseRegion, after: &HouseRegion) -> Vec<String> {
    let mut all = changes(&facts(before), &facts(after));
    let fields = registry::kind(&after.cloud).map_or(&[][..], |kind| kind.fields);
    for field in fields {
        let text = |region: &HouseRegion| {
            let value = region.credentials.get(field.name);
            value.map(|value| value.expose_secret().to_owned())
        };
        if text(before) != text(after) {
            all.push(field.name.to_owned());
        }
    }
    all
}

fn facts(region: &HouseRegion) -> Facts {
    let options = registry::kind(&region.cloud).map_or(&[][..], |kind| kind.options);
    let option = |name| match region.options.get(name) {
        None => (name, String::new()),
        Some(Value::String(text)) => (name, text.clone()),
        Some(value) => (name, value.to_string()),
    };
    let limit = |factor: Option<f64>| factor.map_or_else(String::new, |factor| factor.to_string());
    let mut facts = vec![
        ("name", region.name.clone()),
        ("state", state(region.open)),
        ("country", region.country.clone()),
        ("overcommit-cpus", limit(region.overcommit.cpus)),
        ("overcommit-memory", limit(region.overcommit.memory)),
        ("overcommit-disk", limit(region.overcommit.disk)),
    ];
    facts.extend(options.iter().map(|one| option(one.name)));
    facts
}

/// A limit as a flag gives it, or else as it is known.
fn over(given: Option<f64>, known: Option<f64>) -> Result<Option<f64>> {
    match given {
        None => Ok(known),
        Some(0.0) => Ok(None),
        Some(factor) if factor.is_finite() && factor > 0.0 => Ok(Some(factor)),
        Some(_) => Err(Error::invalid(
            "an overcommit is a number above 0; nothing was changed",
        )),
    }
}

/// Lays what was given over what is known; what is given as nothing is taken back.
fn lay(known: &mut Map<String, Value>, given: Map<String, Value>) {
    for (name, value) in given {
        if matches!(&value, Value::String(text) if text.is_empty())
            || matches!(&value, Value::Array(names) if names.is_empty())
            || value == Value::Bool(false)
        {
            known.shift_remove(&name);
        } else {
            known.insert(name, value);
        }
    }
}

// === impl RegionFlags ===

impl RegionFlags {
    /// The region that is there with the flags laid over it, or a new one.
    fn over(self, known: Option<HouseRegion>) -> Result<HouseRegion> {
        let keys = self.keys.read()?;
        let mut region = match known {
            Some(known)
                if self
                    .cloud
                    .as_ref()
                    .is_none_or(|cloud| *cloud == known.cloud) =>
            {
                known
            }
            Some(known) => {
                return Err(Error::invalid(format!(
                    "the region {} is on {} and stays there; nothing was changed: remove it first, or add a region of \
                     another name",
                    known.slug, known.cloud
                )));
            }
            None => HouseRegion {
                slug: self.slug.clone(),
                name: self.slug,
                cloud: self.cloud.unwrap_or_else(|| USUAL.to_owned()),
                options: Map::new(),
                credentials: Credentials::default(),
                country: String::new(),
                overcommit: Overcommit::default(),
                open: true,
                source: String::new(),
            },
        };
        let (options, credentials) = apart(&region.cloud, keys)?;
        lay(&mut region.options, options);
        let mut sealed = region.credentials.reveal();
        lay(&mut sealed, credentials.reveal());
        region.credentials = Credentials::from_map(&sealed);
        region.name = self.name.unwrap_or(region.name);
        region.country = self.country.unwrap_or(region.country);
        let overcommit = &mut region.overcommit;
        overcommit.cpus = over(self.overcommit_cpus, overcommit.cpus)?;
        overcommit.memory = over(self.overcommit_memory, overcommit.memory)?;
        overcommit.disk = over(self.overcommit_disk, overcommit.disk)?;
        region.open = self.service.over(region.open);
        "cli".clone_into(&mut region.source);
        Ok(region)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};
    use serde_json::json;

    use super::*;

    /// What `arcus region add` makes of a region, with these flags.
    fn add(known: Option<HouseRegion>, flags: &[&str]) -> Result<HouseRegion> {
        let command = RegionFlags::augment_args(clap::Command::new("add"));
        let matches = command.get_matches_from([&["add", "fra1"], flags].concat());
        let flags = RegionFlags::from_arg_matches(&matches).expect("they are known");
        flags.over(known)
    }

    #[test]
    fn flags_are_laid_over_the_options_that_a_region_has() {
        let flags = [
            "--url=/socket",
            "--pool=fast",
            "--profile=a",
            "--profile=b",
            "--vm",
            "--closed",
        ];
        let region = add(None, &flags).expect("valid");
        let options = json!({"url": "/socket", "pool": "fast", "profiles": ["a", "b"], "vm": true});
        assert_eq!(Value::Object(region.options.clone()), options);

        let flags = ["--network=lan", "--pool=", "--profile=", "--vm=false"];
        let changed = add(Some(region.clone()), &flags).expect("valid");
        let options = json!({"url": "/socket", "network": "lan"});
        assert_eq!(Value::Object(changed.options.clone()), options);
        assert!(!changed.open, "it is closed as it was");
        assert_eq!(
            differences(&region, &changed),
            [
                "profiles: none (was: [\"a\",\"b\"])",
                "pool: none (was: fast)",
                "network: lan (was: none)",
                "vm: none (was: true)",
            ]
        );
    }

    #[test]
    fn a_credential_that_is_not_named_stays_and_one_that_changes_is_not_printed() {
        let folder = tempfile::tempdir().expect("a folder");
        let flag = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("is written");
            format!("--{name}={}", path.display())
        };
        let key = flag("client-key", "hunter2");
        let certificate = flag("client-certificate", "PEM");
        let region = add(None, &[&key, &certificate]).expect("valid");
        let newer = flag("client-key", "hunter3");
        let changed = add(Some(region.clone()), &[&newer]).expect("valid");
        let field = |name: &str| {
            changed
                .credentials
                .get(name)
                .map(ExposeSecret::expose_secret)
        };
        assert_eq!(field("client_key"), Some("hunter3"));
        assert_eq!(field("client_certificate"), Some("PEM"));
        assert_eq!(differences(&region, &changed), ["client_key"]);
    }
}
