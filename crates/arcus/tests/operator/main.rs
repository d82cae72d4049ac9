//! The operator's command line and `arcus.toml`.

mod adding_again;
mod passwords;
mod refusals;
mod removed_regions;
mod without_a_database;
