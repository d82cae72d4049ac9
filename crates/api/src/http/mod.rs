//! What the façades share: request ids and the log line, body limits, waiting, errors on their way to the edge.

pub(crate) mod body;
pub(crate) mod edge;
pub(crate) mod system;
pub(crate) mod wait;
