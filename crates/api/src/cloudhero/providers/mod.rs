//! `/providers`.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod import;
pub(super) mod list;
pub(super) mod meta;
pub(super) mod options;
