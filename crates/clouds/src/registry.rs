//! Which clouds there are: one line per cloud in [`CLOUDS`], and what each wants to be opened with.
//!
//! The operator's own regions are opened with [`Settings`], a customer's accounts with
//! [`Credentials`](domain::credentials::Credentials); both end in the same driver.

use std::sync::Arc;

use domain::credentials::Credentials;
use serde_json::{Map, Value};

use crate::budget::Budget;
use crate::cloud::{Cloud, CloudResult};
use crate::{incus, sandbox};

/// A field that a provider's credentials must have.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The letter of its command-line option.
    pub short: &'static str,
    /// Its name in lower case, as clients prompt for it.
    pub long: &'static str,
    /// Its name in requests and answers.
    pub name: &'static str,
    /// What a user reads.
    pub description: &'static str,
}

/// A kind of cloud.
pub struct Kind {
    /// Its name in the API, such as `incus`.
    pub name: &'static str,
    /// What a user reads.
    pub description: &'static str,
    /// What its credentials must have.
    pub fields: &'static [Field],
    /// Opens it.
    pub open: fn(Settings) -> CloudResult<Arc<dyn Cloud>>,
}

/// What a driver is opened with.
#[derive(Clone)]
pub struct Settings {
    /// The region's slug, for clouds whose every address is one region.
    pub region: String,
    /// What is not secret: addresses, project, pool. Documented with each driver.
    pub options: Map<String, Value>,
    /// What is secret.
    pub credentials: Credentials,
    /// The calls that it may make.
    pub budget: Budget,
}

/// All of them.
pub static CLOUDS: &[Kind] = &[incus::KIND, sandbox::KIND];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    CLOUDS.iter().find(|kind| kind.name == name)
}

// === impl Settings ===

impl Settings {
    /// The option of that name, as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.options.get(name).and_then(Value::as_str)
    }

    /// The option of that name, as true or false; false where it is absent.
    pub fn flag(&self, name: &str) -> bool {
        self.options
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }
}
