//! The only SQL in Arcus: one file per noun, `operations` = the queue, `dialect` = where the two databases differ.
//!
//! Called by `control` and the binary. What must stay true: the organisation is part of every query that serves a
//! request; secrets are sealed before they reach a statement; a transaction is never held across a call to a cloud.

pub mod accounts;
pub mod applications;
pub mod audit;
pub mod billing;
pub mod charges;
pub mod customers;
pub mod dialect;
pub mod environments;
pub mod group;
pub mod house;
pub mod integrations;
pub mod invoices;
pub mod journal;
pub mod key_pairs;
pub mod ledger;
pub mod logins;
mod migrate;
pub mod notices;
pub mod operations;
pub mod orphans;
pub mod providers;
pub mod query;
pub mod quotas;
pub mod seal;
pub mod servers;
pub mod session;
pub mod settings;
pub mod snapshots;
pub mod ssh_keys;
pub mod traffic;
pub mod version;

pub use seal::Sealer;
pub use session::{Schema, Session, Store};
