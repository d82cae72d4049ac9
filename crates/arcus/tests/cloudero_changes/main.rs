//! What changes of single servers keep to: in which order they come, what they refuse, and what a crash leaves of them.

mod copies;
mod hands;
mod keys;
mod late;
mod plans;
mod power;
mod reinstalls;
mod sold;
mod tags;
