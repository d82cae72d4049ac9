//! SSH to the servers that Arcus makes: run a command, upload a file, pin the host's key, make key pairs.
//!
//! Called by `control` (provisioning) and by the layers above it that work inside a server. What must stay true:
//! a host's key that was seen once is the only one that is accepted afterwards; no call waits without a bound; no
//! more than the last 64 KiB of what a command prints is kept; a private key is never printed.

mod capture;
mod error;
mod host_key;
pub mod keys;
pub mod public_key;
mod session;

pub use capture::Output;
pub use error::{ErrorClass, SshError};
pub use session::{Session, Target, quote};
