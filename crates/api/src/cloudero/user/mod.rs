//! `/user`.

pub(super) mod login;
pub(super) mod refresh;
