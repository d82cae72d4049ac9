//! A running Arcus for tests: the real binary, on either database, with the simulated cloud or a real Incus.
//!
//! Used by the tests and benches of the binary. What must stay true: nothing here reaches into the program; a test sees
//! what a user sees, over HTTP and on the command line, and what the database holds (`ledger.rs`) where no route tells.
#![expect(clippy::missing_panics_doc, reason = "in a test a panic is the answer")]

mod arcus;
mod body;
mod client;
mod database;
pub mod digital_ocean;
pub mod ec2;
pub mod hetzner;
pub mod incus;
mod ledger;
mod prism;
mod scene;
mod serving;
mod shape;
mod shop;
pub mod wait;

pub use arcus::{Arcus, Builder};
pub use client::{Answer, Client};
pub use database::Database;
pub use ledger::{EventRecord, Ledger, OperationRecord, Records, ServerRecord, TrafficRecord};
pub use prism::{Faithful, Prism};
pub use reqwest::Method;
pub use scene::Scene;
pub use shape::assert_shape;
pub use shop::Shop;

/// Makes two tests of each of these functions, `NAME::on_sqlite` and `NAME::on_postgres`. Each takes a [`Builder`] of
/// the binary that the tests belong to.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                let builder = $crate::Builder::new(env!("CARGO_BIN_EXE_arcus"));
                super::$name(builder.database($crate::Database::sqlite())).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                let builder = $crate::Builder::new(env!("CARGO_BIN_EXE_arcus"));
                super::$name(builder.database($crate::Database::postgres().await)).await;
            }
        }
    )+};
}
