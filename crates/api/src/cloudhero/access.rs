//! The authorisation table of CloudHero's API.

use crate::http::access::{ADMIN, MEMBER, PUBLIC, Table};

/// Method, route, access.
pub const TABLE: &Table = &[
    ("POST", "/accounts/register", PUBLIC),
    ("POST", "/accounts/tokens", PUBLIC),
    // The private half is for admins: the use case looks at `private`.
    ("GET", "/accounts/keys", MEMBER),
    ("OPTIONS", "/providers", PUBLIC),
    ("POST", "/providers", ADMIN),
    ("GET", "/providers", MEMBER),
    ("DELETE", "/providers/{id}", ADMIN),
    ("GET", "/providers/{id}/meta", MEMBER),
    ("POST", "/providers/{id}/import", ADMIN),
    ("POST", "/applications", MEMBER),
    ("GET", "/applications", MEMBER),
    ("DELETE", "/applications/{id}", MEMBER),
    ("POST", "/applications/{id}/environments", MEMBER),
    ("POST", "/environments", MEMBER),
    ("GET", "/environments", MEMBER),
    ("DELETE", "/environments/{id}", MEMBER),
    ("POST", "/environments/{id}/nodes", MEMBER),
    ("POST", "/environments/{id}/scale", MEMBER),
    ("DELETE", "/environments/{id}/scale", MEMBER),
    ("GET", "/environments/{id}/query", MEMBER),
    ("POST", "/environments/{id}/query", MEMBER),
    ("GET", "/environments/{id}/start", MEMBER),
    ("POST", "/environments/{id}/start", MEMBER),
    ("GET", "/environments/{id}/stop", MEMBER),
    ("POST", "/environments/{id}/stop", MEMBER),
    ("POST", "/environments/{id}/reboot", MEMBER),
    ("GET", "/environments/{id}/delete", MEMBER),
    ("POST", "/environments/{id}/delete", MEMBER),
    ("DELETE", "/nodes/{id}", MEMBER),
    ("OPTIONS", "/integrations", PUBLIC),
    ("POST", "/integrations", ADMIN),
    ("POST", "/integrations/docker-hub", ADMIN),
    ("GET", "/integrations", MEMBER),
    ("DELETE", "/integrations/{id}", ADMIN),
    ("POST", "/history", MEMBER),
    ("POST", "/feedback", MEMBER),
];
