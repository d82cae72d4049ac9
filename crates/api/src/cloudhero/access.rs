//! The authorisation table: who may call what. A route that is not in it is refused to everybody.

use axum::http::Method;
use domain::Role;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Public,
    /// Users with at least this role, for what is their organisation's.
    Role(Role),
}

const PUBLIC: Access = Access::Public;
const MEMBER: Access = Access::Role(Role::Member);
const ADMIN: Access = Access::Role(Role::Admin);

/// Method, route, access.
pub const TABLE: &[(&str, &str, Access)] = &[
    ("POST", "/accounts/register", PUBLIC),
    ("POST", "/accounts/tokens", PUBLIC),
    // The private half is for admins: the use case looks at `private`.
    ("GET", "/accounts/keys", MEMBER),
    ("OPTIONS", "/providers", PUBLIC),
    ("POST", "/providers", ADMIN),
    ("GET", "/providers", MEMBER),
    ("DELETE", "/providers/{id}", ADMIN),
    ("GET", "/providers/{id}/meta", MEMBER),
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

/// Who may call a route; `None`: it is not in the table. A HEAD is judged as the GET that it stands for.
pub(crate) fn access(method: &Method, route: &str) -> Option<Access> {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    TABLE
        .iter()
        .find(|(m, r, _)| *m == method && *r == route)
        .map(|(_, _, access)| *access)
}
