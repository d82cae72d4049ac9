//! What the driver is opened with: the project's token, and where the API is.
//!
//! | option | meaning | without it |
//! |---|---|---|
//! | `endpoint` | the API's address, such as that of a stand-in | `https://api.hetzner.cloud` |

use crate::registry::{ENDPOINT, RegionOption};

/// What the operator may set.
pub const REGION: &[RegionOption] = &[ENDPOINT];

/// The credentials' one field.
pub(super) const API_TOKEN: &str = "api_token";

/// Where the API is for everybody.
pub(super) const USUAL_ENDPOINT: &str = "https://api.hetzner.cloud";
