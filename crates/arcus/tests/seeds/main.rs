//! The API as its three documentations print it: each printed request is sent as it stands there, and its answer is
//! held against the printed one. What is printed for Amazon EC2 and DigitalOcean is sent to imitations of theirs (`clouds`).

mod accounts;
mod applications;
mod clouds;
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
