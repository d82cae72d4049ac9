//! The use cases: one public function per verb, in a folder per noun.
//!
//! Called by the façades (`api`) and the binary. A use case authorises, validates, and writes the desired state, the
//! operation and its first event in one transaction; the runner in [`operations`] does the work, and [`reconcile`]
//! repairs what reality changed. What must stay true: intent is in the database before a cloud is called, no
//! transaction is open during a call to a cloud, and another organisation's object does not exist.

pub mod accounts;
pub mod app;
pub mod applications;
pub mod billing;
pub mod capacity;
pub mod catalog;
pub mod environments;
pub mod events;
pub mod integrations;
pub mod journal;
mod kept;
pub mod metering;
pub mod metrics;
pub mod operations;
pub mod providers;
pub mod provision;
pub mod quota;
pub mod reconcile;
pub mod servers;
pub mod ssh_keys;
mod together;

pub use app::{App, Registration, Settings};
pub use kept::{Kept, Moment};
