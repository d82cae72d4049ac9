//! Cloude.ro's API: each printed request as it stands in the documentation, and what a customer of single servers sees.

mod bad_input;
mod catalog;
mod keys_and_tags;
mod printed;
mod requests;
mod servers;
mod strangers;
mod tokens;
