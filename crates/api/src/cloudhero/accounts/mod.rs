//! `/accounts`.

pub(super) mod keys;
pub(super) mod register;
pub(super) mod tokens;
