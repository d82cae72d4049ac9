//! What the driver is opened with: the account's token, and where the API is.
//!
//! Read once by `client`. What must stay true: only an operator names another address than DigitalOcean's own, since
//! whoever listens there gets the token. Customers send credentials and never options, so they can't.
//!
//! | option | meaning | without it |
//! |---|---|---|
//! | `endpoint` | the API's address, such as that of a stand-in | `https://api.digitalocean.com` |

use crate::registry::{ENDPOINT, RegionOption};

/// What the operator may set.
pub const REGION: &[RegionOption] = &[ENDPOINT];

/// The credentials' one field.
pub(super) const ACCESS_TOKEN: &str = "access_token";

/// Where the API is for everybody.
pub(super) const USUAL_ENDPOINT: &str = "https://api.digitalocean.com";
