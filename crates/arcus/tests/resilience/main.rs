//! What befalls a running Arcus from outside: it is told to stop, its database is full, read-only or away, other
//! replicas work beside it, and somebody changes things at the cloud behind its back.

mod cancel;
mod database;
mod drain;
mod fairness;
mod files;
mod orphans;
mod outside;
mod replicas;
mod traffic;
