//! What the store promises, on both databases.

mod common;
mod group;
mod opening;
mod queue;
mod rows;
mod snapshots;
mod traffic;
mod version;
