//! The operator's command line and `arcus.toml`.

mod adding_again;
mod capacity;
mod closed_regions;
mod customers;
mod desk;
mod house_file;
mod invoices;
mod money;
mod node_prices;
mod passwords;
mod payments;
mod quotas;
mod refusals;
mod removals;
mod removed_regions;
mod revenue;
mod rules;
mod stripe_stand_in;
mod webhooks;
mod without_a_database;
