//! Cloude.ro's API, layer 1: single servers. One file per endpoint, in a tree that mirrors the addresses.

pub(crate) mod access;
mod account;
mod auth;
mod error;
mod event;
mod image;
mod money;
mod package;
mod region;
pub(crate) mod routes;
mod server;
mod snapshot;
mod sshkey;
mod tags;
mod usage;
mod user;
mod wire;

/// What all addresses begin with.
pub(crate) const PREFIX: &str = "/v1";
