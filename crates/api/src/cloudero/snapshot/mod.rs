//! `/snapshot`.

pub(super) mod create;
pub(super) mod destroy;
pub(super) mod list;
