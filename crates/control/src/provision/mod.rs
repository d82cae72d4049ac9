//! From a booted instance to a server whose packages work.
//!
//! Called by the operations that make a server: [`user_data`] goes to the cloud with the create, and [`login`]
//! and [`install`] follow what it does over SSH until every package has proved that it works. What must stay true: user data holds
//! nothing secret; everything here may be repeated after a crash at any point; no server counts as ready before its
//! proofs have passed.

mod boot;
mod connect;
mod error;
mod install;
mod owners;
mod progress;
mod prove;
mod script;
#[cfg(test)]
mod script_tests;
mod user_data;

pub use connect::Guest;
pub use error::ProvisionError;
pub use install::{install, login};
pub use owners::{check as check_owners, with_owners};
pub use user_data::user_data;

/// Where the script is on the server.
const SCRIPT: &str = "/usr/local/lib/arcus/provision";

/// What the script prints.
const LOG: &str = "/var/log/arcus-provision.log";

/// How the script ended.
const RESULT: &str = "/var/lib/arcus/provision.json";
