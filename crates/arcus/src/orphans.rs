//! `arcus admin orphan`: what to do with instances that no server accounts for.

use clap::Subcommand;
use control::App;
use control::reconcile::{self, Removal};
use domain::{OrphanId, PublicId, Result};

use crate::table;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List them, after a look at every cloud.
    Ls,
    /// Take one into an environment as a server.
    Adopt {
        /// Its number in the list.
        id: i64,
        /// The environment's id.
        #[arg(long)]
        environment: PublicId,
        /// The plan by which it counts and costs; needed in the operator's own regions, and there alone.
        #[arg(long)]
        plan: Option<String>,
    },
    /// Destroy one at its cloud; of a server whose import was undone, only take the tag off.
    Rm {
        /// Its number in the list.
        id: i64,
    },
}

pub(crate) async fn run(app: &App, command: Command) -> Result<()> {
    match command {
        Command::Ls => {
            reconcile::once(app).await?;
            let rows = store::orphans::list(&mut app.store.read().await?)
                .await?
                .into_iter()
                .map(|orphan| {
                    vec![
                        orphan.id.to_string(),
                        orphan.account,
                        orphan.region,
                        orphan.cloud_id,
                        orphan.name,
                        orphan.state,
                        orphan.first_seen_at.rfc3339(),
                    ]
                });
            table::print(
                &[
                    "ID",
                    "ACCOUNT",
                    "REGION",
                    "INSTANCE",
                    "NAME",
                    "STATE",
                    "SEEN SINCE",
                ],
                rows.collect(),
            );
        }
        Command::Adopt {
            id,
            environment,
            plan,
        } => {
            let id = OrphanId(id);
            let server = reconcile::adopt(app, id, &environment, plan.as_deref()).await?;
            table::line(&format!(
                "the server {} is node {} now",
                server.cloud_name, server.name
            ));
        }
        Command::Rm { id } => {
            table::line(match reconcile::remove(app, OrphanId(id)).await? {
                Removal::Destroyed => "the instance is being destroyed",
                Removal::Gone => "the instance is gone already",
                Removal::GivenBack => {
                    "the instance was to be imported once: it stays at its cloud as it is, without this Arcus's tag"
                }
            });
        }
    }
    Ok(())
}
