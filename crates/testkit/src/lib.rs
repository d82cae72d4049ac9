//! A running Arcus for tests: the real binary, on either database, with the simulated cloud or a real Incus.
//!
//! Used by the tests and benches of the binary. What must stay true: nothing here reaches into the program; a test sees
//! what a user sees, over HTTP and on the command line.
#![expect(clippy::missing_panics_doc, reason = "in a test a panic is the answer")]

mod arcus;
mod client;
mod database;
mod shape;
pub mod wait;

pub use arcus::{Arcus, Builder};
pub use client::{Answer, Client};
pub use database::Database;
pub use shape::assert_shape;
