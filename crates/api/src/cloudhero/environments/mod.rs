//! `/environments`.

pub(super) mod create;
pub(super) mod delete;
mod guard;
pub(super) mod list;
pub(super) mod nodes;
pub(super) mod query;
pub(super) mod reboot;
pub(super) mod scale;
pub(super) mod start;
pub(super) mod stop;
