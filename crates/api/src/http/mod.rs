//! What the façades share: request ids and the log line, body limits, other sites, waiting, errors on their way to the edge.

pub(crate) mod body;
pub(crate) mod edge;
mod ready;
mod site;
pub(crate) mod system;
pub(crate) mod wait;
