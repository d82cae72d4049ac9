//! Cloude.ro's API: each printed request as it stands in the documentation, and what a customer of single servers sees.

mod bad_input;
mod callers;
mod catalog;
mod curls;
mod invoices;
mod keys_and_tags;
mod layers;
mod lifetimes;
mod means;
mod places;
mod printed;
mod requests;
mod servers;
mod still;
mod strangers;
mod things;
mod tokens;
