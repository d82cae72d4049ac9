//! The clouds that Arcus drives: one trait, one folder per cloud, one suite that all of them pass.
//!
//! Called by `control` only. A driver translates between the neutral types of [`cloud`] and one cloud's API; it
//! knows no database, no organisation and no operation. What must stay true: every create can be found again by
//! its token, and an error says whether the call may have taken effect.

mod bearer;
pub mod budget;
pub mod cloud;
pub mod conformance;
pub mod digital_ocean;
mod discreet;
mod each;
pub mod ec2;
pub mod hetzner;
mod http;
pub mod incus;
mod kept;
pub mod outgoing;
pub mod password;
mod pauses;
pub mod registry;
pub mod sandbox;
mod text;

pub use budget::Budget;
pub use cloud::{
    Change, Cloud, CloudError, CloudResult, CreateInstance, ErrorClass, GroupRef, Guest, Instance,
    InstanceRef, Network, Offer, PreviewedCall, Snapshot, SnapshotRef, Tag, Traffic, Until,
};
