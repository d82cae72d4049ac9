//! Authorisation tables: who may call what. Each façade has one; a route that is not in it is refused to everybody.

use axum::http::{Method, StatusCode};
use domain::Role;

use super::edge::Failure;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Public,
    /// Users with at least this role, for what is their organisation's.
    Role(Role),
}

/// Method, route, access.
pub type Table = [(&'static str, &'static str, Access)];

pub(crate) const PUBLIC: Access = Access::Public;
pub(crate) const MEMBER: Access = Access::Role(Role::Member);
pub(crate) const ADMIN: Access = Access::Role(Role::Admin);

/// Who may call a route; `None`: it is not in the table. A HEAD is judged as the GET that it stands for.
pub(crate) fn access(table: &Table, method: &Method, route: &str) -> Option<Access> {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    table
        .iter()
        .find(|(m, r, _)| *m == method && *r == route)
        .map(|(_, _, access)| *access)
}

/// The answer where a route is in no table: a fault of ours.
pub(crate) fn unlisted() -> Failure {
    Failure::http(
        StatusCode::INTERNAL_SERVER_ERROR,
        "this route is not in the authorisation table",
    )
}
