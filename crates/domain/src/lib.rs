//! The words that every layer of Arcus shares: ids, names, states, plans, money, time and errors.
//!
//! Everything here is pure: no database, no network, no runtime. All other crates use it; it uses none of them.
//! Ambient time and randomness live in [`time`] and [`random`] alone, so that a test can replace the first
//! and a reader can find the second.

pub mod account;
pub mod billing;
#[cfg(test)]
mod billing_tests;
pub mod credentials;
pub mod environment;
pub mod error;
pub mod ids;
pub mod ledger;
pub mod names;
pub mod offer;
pub mod operation;
pub mod quota;
pub mod random;
pub mod role;
pub mod server;
pub mod snapshot;
pub mod ssh_key;
pub mod time;
pub mod traffic;

pub use error::{Error, ErrorKind, Result};
pub use ids::{
    ApplicationId, EnvironmentId, IntegrationId, OperationId, OrganisationId, OrphanId, ProviderId,
    PublicId, ServerId, SnapshotId, UserId,
};
pub use offer::{Image, ImageSource, Money, Plan, Region};
pub use role::Role;
pub use time::{Clock, Timestamp};
