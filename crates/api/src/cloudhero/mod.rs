//! CloudHero's API, layer 2: environments. One file per endpoint, in a tree that mirrors the addresses.

pub(crate) mod access;
mod accounts;
mod applications;
mod auth;
mod client;
mod environments;
mod error;
mod integrations;
mod journal;
mod nodes;
mod plan;
mod providers;
pub(crate) mod routes;
mod wire;
