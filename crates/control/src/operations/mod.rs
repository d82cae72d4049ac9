//! The work itself: the runner that claims operations, one file per kind of work, and the table that decides what a
//! cloud's error means.
//!
//! Architecture invariants: a worker writes only through [`run::Run`], which checks its fence in the same transaction;
//! a create that may have been sent is looked for before it is sent again; a create is never abandoned half-way while
//! this process lives, whatever is cancelled.

mod adopt_server;
mod create_server;
mod destroy_server;
mod guest;
mod lanes;
mod originals;
mod outcome;
mod password;
mod power;
mod rebuild;
pub(crate) mod request;
mod resize;
pub mod retry;
mod run;
mod runner;
mod snapshots;
pub mod wait;

pub use lanes::lane;
pub(crate) use originals::Originals;
pub(crate) use run::sight;
pub use runner::Runner;
