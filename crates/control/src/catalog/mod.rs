//! What there is to choose from: packages, and the operator's regions, plans and images.

pub mod defaults;
pub mod house;
pub(crate) mod images;
pub mod packages;
mod sold;

pub use sold::{Sold, on_sale};
