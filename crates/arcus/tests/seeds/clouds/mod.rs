//! What is printed for Amazon EC2 and DigitalOcean, sent to imitations of theirs.
//!
//! | file | what it sends |
//! |---|---|
//! | `accounts` | adding an account, listing accounts, what one sells |
//! | `environments` | making environments, as each documentation prints it |
//! | `switches` | one environment's story: query, stop, start, delete |
//! | `stage` | what they begin with |
//!
//! Accounts are added at imitations whose servers have no systems. Environments are made where each server is a container
//! with a system of its own, so that `ready` can come true. Without Incus these say so and pass; `ARCUS_TEST_INCUS` is a
//! promise that it is there.

mod accounts;
mod environments;
mod stage;
mod switches;
