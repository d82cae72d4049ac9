//! The crate against OpenSSH itself: its server, and its tool for keys.

mod keys;
mod session;
mod sshd;
