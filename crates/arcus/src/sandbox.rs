//! `arcus sandbox`: looks into the simulated cloud, sets its faults, and changes things there behind Arcus's back.

use clap::Subcommand;
use clouds::Tag;
use clouds::sandbox::{Faults, World};
use domain::{Error, Result};

use crate::config::Place;
use crate::table;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the instances.
    Ls {
        /// As a JSON array; each has `id`, `name`, `state` and `token`, among others.
        #[arg(long)]
        json: bool,
        /// Also those that are gone.
        #[arg(long)]
        all: bool,
    },
    /// Show the faults, or set some: `latency_ms=200 throttle=0.1`.
    Faults {
        /// `KEY=VALUE`; see `--list`.
        settings: Vec<String>,
        /// Explain every key.
        #[arg(long)]
        list: bool,
        /// Set all to nothing first.
        #[arg(long)]
        reset: bool,
    },
    /// Stop an instance behind Arcus's back.
    Stop {
        /// Its id.
        id: String,
    },
    /// Start an instance behind Arcus's back.
    Start {
        /// Its id.
        id: String,
    },
    /// Destroy an instance behind Arcus's back.
    Rm {
        /// Its id.
        id: String,
    },
    /// Make an instance behind Arcus's back.
    Add {
        /// Its name.
        name: String,
        /// Give it a tag with this token; with the installation of this Arcus, which the tags of its own servers tell, it is an orphan.
        #[arg(long, requires = "installation")]
        token: Option<String>,
        /// The installation of the tag.
        #[arg(long, requires = "token")]
        installation: Option<String>,
    },
    /// List the snapshots as JSON, each with its instance's id and its name.
    Snapshots,
    /// How often each call was made.
    Calls,
}

pub(crate) async fn run(place: &Place, command: Command) -> Result<()> {
    let path = place.sandbox();
    if !path.exists() {
        return Err(Error::invalid(format!(
            "there is no simulated cloud in {}; start one with: arcus serve --sandbox",
            place.data_dir.display()
        )));
    }
    let world = World::open(&path).await.map_err(failed)?;
    match command {
        Command::Ls { json, all } => {
            let instances = if all {
                world.all_instances().await
            } else {
                world.instances().await
            }
            .map_err(failed)?;
            if json {
                return table::json(&instances);
            }
            let rows = instances.into_iter().map(|instance| {
                vec![
                    instance.id,
                    instance.name,
                    instance.state.to_owned(),
                    instance.address,
                    instance.region,
                ]
            });
            table::print(
                &["ID", "NAME", "STATE", "ADDRESS", "REGION"],
                rows.collect(),
            );
        }
        Command::Faults {
            settings,
            list,
            reset,
        } => return faults(&world, &settings, list, reset).await,
        Command::Stop { id } => world.stop(&id).await.map_err(failed)?,
        Command::Start { id } => world.start(&id).await.map_err(failed)?,
        Command::Rm { id } => world.destroy(&id).await.map_err(failed)?,
        Command::Add {
            name,
            token,
            installation,
        } => {
            let tag = token.zip(installation).map(|(token, installation)| Tag {
                installation,
                token,
            });
            let added = world
                .add("sandbox", &name, tag.as_ref())
                .await
                .map_err(failed)?;
            table::line(&added.id);
        }
        Command::Snapshots => return table::json(&world.snapshots().await.map_err(failed)?),
        Command::Calls => return table::json(&world.calls().await.map_err(failed)?),
    }
    Ok(())
}

async fn faults(world: &World, settings: &[String], list: bool, reset: bool) -> Result<()> {
    if list {
        let rows = Faults::describe()
            .iter()
            .map(|(key, help)| vec![(*key).to_owned(), (*help).to_owned()]);
        table::print(&["KEY", "WHAT IT DOES"], rows.collect());
        return Ok(());
    }
    let mut faults = if reset {
        Faults::default()
    } else {
        world.faults().await.map_err(failed)?
    };
    for setting in settings {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| Error::invalid(format!("{setting:?} is not of the form KEY=VALUE")))?;
        faults.set(key, value).map_err(Error::invalid)?;
    }
    if reset || !settings.is_empty() {
        world.set_faults(&faults).await.map_err(failed)?;
    }
    table::json(&faults)
}

fn failed(error: clouds::CloudError) -> Error {
    Error::invalid(error.message)
}
