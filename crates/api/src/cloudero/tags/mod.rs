//! `/tags`.

pub(super) mod create;
pub(super) mod destroy;
pub(super) mod list;
pub(super) mod update;
