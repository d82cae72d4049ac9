//! What is said over the wire: one file per noun.

pub(super) mod accounts;
pub(super) mod catalog;
pub(super) mod envelope;
pub(super) mod events;
pub(super) mod money;
pub(super) mod numbers;
pub(super) mod servers;
pub(super) mod snapshots;
