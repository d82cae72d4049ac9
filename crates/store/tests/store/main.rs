//! What the store promises, on both databases.

mod common;
mod queue;
mod rows;
