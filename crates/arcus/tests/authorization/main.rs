//! Who may call what: every route against every kind of caller, and two organisations against one another.

mod callers;
mod document;
mod people;
mod routes;
mod tokens;
mod two_organisations;
