//! What goes over the wire, one file per noun. Private to this façade.

pub(super) mod accounts;
pub(super) mod applications;
pub(super) mod environments;
pub(super) mod integrations;
pub(super) mod messages;
pub(super) mod outcomes;
pub(super) mod plans;
pub(super) mod providers;
