//! `/history` and `/feedback`.

pub(super) mod feedback;
pub(super) mod history;
