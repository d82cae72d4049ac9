//! What the façades share: request ids and the log line, body limits, other sites, waiting, errors on their way to the edge.

pub(crate) mod access;
pub(crate) mod body;
pub(crate) mod document;
pub(crate) mod edge;
pub(crate) mod fallback;
pub(crate) mod fields;
mod ready;
mod site;
pub(crate) mod system;
pub(crate) mod wait;
