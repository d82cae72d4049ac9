//! The packages that a server can have: what to install, what to run after, what proves that it works.
//!
//! Owns the files of `packages/`, which are built into the binary and read once. Called by the use cases that take
//! package names from users, and by `provision`, which installs and proves them. What must stay true: a list that
//! [`resolve`] returned can be installed as it is, in its order, on the distribution that it was resolved for.

mod load;
mod resolve;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use load::{all, find};
pub use resolve::{nesting, ports_of, resolve};

/// The distributions for which every package has a recipe.
pub const DISTRIBUTIONS: [&str; 4] = ["debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04"];

/// One package of the catalogue: one file of `packages/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// What users write, such as `php.gd`; also the file's name.
    pub name: String,
    /// What users read.
    pub description: String,
    /// Packages of the catalogue that come with it, before it.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Packages of the catalogue that can't be on the same server; said on either side.
    #[serde(default)]
    pub conflicts: Vec<String>,
    /// Whether it runs containers, which a container must be allowed to do.
    #[serde(default)]
    pub nesting: bool,
    /// Where it listens, or where what it is for usually does.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Bash, run as root on the server with `-eu -o pipefail`: exits with 0 only if the package really works.
    pub proof: String,
    /// How it is installed, by distribution; `default` stands for the ones that are not named.
    pub recipes: BTreeMap<String, Recipe>,
}

/// How a package is installed on one distribution.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The distribution's packages.
    pub apt: Vec<String>,
    /// systemd services to be enabled and running afterwards; `*` stands for a version.
    #[serde(default)]
    pub services: Vec<String>,
    /// Shell commands that run as root with `-eu` after everything is installed; safe to repeat.
    #[serde(default)]
    pub after: Vec<String>,
    /// The vendor's repository, where the distribution lacks the package.
    #[serde(default)]
    pub repository: Option<Repository>,
}

/// A vendor's apt repository.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its address.
    pub url: String,
    /// Its suite.
    pub suite: String,
    /// Its component.
    pub component: String,
    /// Where its signing key is, as ASCII armour over HTTPS.
    pub key_url: String,
}

/// A port and who may reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its number.
    pub port: u16,
    /// Who may reach it.
    pub open_to: OpenTo,
}

/// Who may reach a port. Only what is safe without a password of ours is open to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenTo {
    /// Everybody: a cloud's firewall lets it through.
    World,
    /// The other servers of the environment.
    Environment,
    /// The server itself: it listens on loopback.
    Server,
}

// === impl Package ===

impl Package {
    /// How it is installed on a distribution.
    pub fn recipe(&self, distribution: &str) -> Option<&Recipe> {
        if DISTRIBUTIONS.contains(&distribution) {
            self.recipes
                .get(distribution)
                .or_else(|| self.recipes.get("default"))
        } else {
            None
        }
    }

    fn conflicts_with(&self, other: &Self) -> bool {
        self.conflicts.contains(&other.name) || other.conflicts.contains(&self.name)
    }
}
