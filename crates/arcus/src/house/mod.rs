//! `arcus region|image|plan add|ls|rm`: one file per noun.
//!
//! Called by `main`. What must stay true: `add` on a slug that is there changes what its flags name and nothing else,
//! and says what it changed.

mod cloud_flags;
mod image;
mod plan;
mod region;

use clap::Args;

use crate::config::{File, Place};
use crate::table;

pub(crate) use image::{ImageCommand, image};
pub(crate) use plan::{PlanCommand, plan};
pub(crate) use region::{RegionCommand, measure, region};

/// Whether new servers may be made of or in it.
#[derive(Args)]
struct Service {
    /// Keep it from new servers.
    #[arg(long, conflicts_with = "open")]
    closed: bool,
    /// Let new servers have it again.
    #[arg(long)]
    open: bool,
}

/// What there is to say of a region, an image or a plan, by name.
type Facts = Vec<(&'static str, String)>;

fn state(open: bool) -> String {
    if open { "open" } else { "closed" }.to_owned()
}

/// What differs, each as `pool: fast (was: slow)`.
fn changes(before: &Facts, after: &Facts) -> Vec<String> {
    let shown = |value: &str| if value.is_empty() { "none" } else { value }.to_owned();
    after
        .iter()
        .zip(before)
        .filter(|((_, new), (_, old))| new != old)
        .map(|((name, new), (_, old))| format!("{name}: {} (was: {})", shown(new), shown(old)))
        .collect()
}

/// What an `add` has done. `changes` is `None` for what was not there before.
fn done(what: &str, slug: &str, changes: Option<&[String]>) -> String {
    match changes {
        None => format!("the {what} {slug} was added"),
        Some([]) => format!("the {what} {slug} stays as it was"),
        Some(changes) => format!("the {what} {slug} was changed: {}", changes.join("; ")),
    }
}

/// Says what was done, and that the next start undoes it where `arcus.toml` speaks of the same.
fn tell(place: &Place, what: &str, slug: &str, done: &str) {
    table::line(done);
    if File::names(place, what, slug) {
        table::line(&format!(
            "arcus.toml names this {what}: the next start lays it as it stands there, so change it there as well"
        ));
    }
}

// === impl Service ===

impl Service {
    /// As the flags say; as it was where they say nothing.
    fn over(&self, known: bool) -> bool {
        self.open || (known && !self.closed)
    }
}
