//! `/nodes`.

pub(super) mod delete;
