//! Operations in the hands of workers that die, and their deadlines: in this process, with the simulated cloud and a clock
//! that stands still until a test moves it; a runner works where a test says so.

#[path = "../billing/common.rs"]
#[expect(dead_code, reason = "of the house only what operations need")]
mod common;
mod deadlines;
mod leases;
mod shop;
