//! The API as its three documentations print it: each printed request is sent as it stands there, and its answer is
//! held against the printed one.

mod accounts;
mod applications;
mod environments;
mod failures;
mod incus_stand_in;
mod integrations;
mod keys;
mod nodes;
mod printed;
mod providers;
mod readiness;
mod secrets;
mod switches;
