//! Which clouds there are: one line per cloud in [`CLOUDS`], and what each wants to be opened with.
//!
//! The operator's own regions are opened with [`Settings`], a customer's accounts with
//! [`Credentials`](domain::credentials::Credentials); both end in the same driver. Forms, prompts, masks, `arcus.toml`,
//! the flags of the command line and `ARCUS_KIND_ENDPOINT` go by what stands here, so that nothing else names a cloud. What
//! must stay true: a field is secret unless its driver says that it is plain, and a key that no driver reads is refused,
//! never ignored.

use std::sync::Arc;

use domain::credentials::Credentials;
use serde_json::{Map, Value};

use crate::budget::Budget;
use crate::cloud::{Cloud, CloudError, CloudResult, ErrorClass};

/// A field of a provider's credentials.
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
    /// Whether everybody of the organisation may see it; else nobody but who has just sent it.
    pub plain: bool,
    /// Whether it may be absent.
    pub optional: bool,
}

/// A kind of cloud.
pub struct Kind {
    /// Its name in the API, such as `incus`.
    pub name: &'static str,
    /// What a user reads.
    pub description: &'static str,
    /// What its credentials are made of.
    pub fields: &'static [Field],
    /// What the operator may set for a region, besides the credentials.
    pub options: &'static [RegionOption],
    /// Whether an account reaches many regions, each called by its slug; else its address is the one that there is.
    pub many_regions: bool,
    /// How many calls one account is asked at once, where the operator does not say otherwise.
    pub calls_at_once: usize,
    /// The least that the owner of an account has to allow, in the cloud's own form; `None` where it has none.
    pub policy: Option<fn() -> Value>,
    /// Opens it.
    pub open: fn(Settings) -> CloudResult<Arc<dyn Cloud>>,
}

/// Something that the operator may set for a region, besides the credentials.
#[derive(Debug, Clone, Copy)]
pub struct RegionOption {
    /// Its key in `arcus.toml`. Its flag on the command line follows from it.
    pub name: &'static str,
    /// What its value is.
    pub form: Form,
    /// What an operator reads: a sentence without its full stop.
    pub description: &'static str,
}

/// Where a public cloud's API is. A kind that has this option may also be sent elsewhere for all customers, by
/// `ARCUS_KIND_ENDPOINT`.
pub const ENDPOINT: RegionOption = RegionOption {
    name: "endpoint",
    form: Form::Text,
    description: "The address of the cloud's API, where it is not the usual one",
};

/// What the value of a region's option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text.
    Text,
    /// True or false.
    Flag,
    /// An array of names.
    Names,
}

/// What a driver is opened with.
#[derive(Clone)]
pub struct Settings {
    /// The region's slug, for clouds whose every address is one region; it says nothing where there are many.
    pub region: String,
    /// What is not secret: addresses, project, pool. Documented with each driver.
    pub options: Map<String, Value>,
    /// What is secret.
    pub credentials: Credentials,
    /// The calls that it may make.
    pub budget: Budget,
}

/// All of them, by name. A driver's line here and its `mod` in `lib.rs` are all that stands outside its folder.
pub static CLOUDS: &[Kind] = &[
    crate::digital_ocean::KIND,
    crate::ec2::KIND,
    crate::hetzner::KIND,
    crate::incus::KIND,
    crate::sandbox::KIND,
];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    CLOUDS.iter().find(|kind| kind.name == name)
}

/// Takes apart what the operator says of a region on that cloud: its options, and its credentials, which are to be
/// sealed.
///
/// Errors: `Rejected` for an unknown cloud, and for a key or value that its driver does not know, by name.
pub fn region(
    cloud: &str,
    keys: Map<String, Value>,
) -> CloudResult<(Map<String, Value>, Credentials)> {
    let kind = kind(cloud).ok_or_else(|| {
        let known = names(CLOUDS.iter().map(|kind| kind.name));
        rejected(format!("there is no cloud {cloud:?}; there are: {known}"))
    })?;
    let (mut options, mut credentials) = (Map::new(), Credentials::default());
    for (key, value) in keys {
        let option = kind.options.iter().find(|one| one.name == key);
        let is_field = kind.fields.iter().any(|field| field.name == key);
        match (option, value) {
            (Some(option), value) => {
                option.form.check(&key, &value)?;
                options.insert(key, value);
            }
            (None, Value::String(value)) if is_field => {
                credentials = credentials.with(&key, value);
            }
            (None, _) if is_field => return Err(rejected(format!("{key} must be a string"))),
            (None, _) => return Err(kind.unknown(&key)),
        }
    }
    Ok((options, credentials))
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

fn rejected(message: String) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

// === impl Kind ===

impl Kind {
    /// Whether its API can be elsewhere than where it is for everybody.
    pub fn has_endpoint(&self) -> bool {
        let mut options = self.options.iter();
        options.any(|option| option.name == ENDPOINT.name)
    }

    fn unknown(&self, key: &str) -> CloudError {
        let options = self.options.iter().map(|option| option.name);
        let fields = self.fields.iter().map(|field| field.name);
        let fields = fields.filter(|name| !options.clone().any(|option| option == *name));
        let known = names(options.clone().chain(fields));
        let known = if known.is_empty() { "none" } else { &known };
        rejected(format!(
            "a region on {} has no option {key:?}; there are: {known}",
            self.name
        ))
    }
}

// === impl Form ===

impl Form {
    fn check(self, key: &str, value: &Value) -> CloudResult<()> {
        let (is_so, what) = match self {
            Self::Text => (value.is_string(), "a string"),
            Self::Flag => (value.is_boolean(), "true or false"),
            Self::Names => {
                let is_so = value
                    .as_array()
                    .is_some_and(|names| names.iter().all(Value::is_string));
                (is_so, "an array of names")
            }
        };
        if is_so {
            Ok(())
        } else {
            Err(rejected(format!("{key} must be {what}")))
        }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(value: &Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_key_that_no_driver_reads_is_refused_by_name() {
        for (cloud, given, named) in [
            ("incus", json!({"pol": "fast"}), "pol"),
            ("incus", json!({"local": true}), "local"),
            ("incus", json!({"vm": "yes"}), "vm"),
            ("incus", json!({"profiles": "default"}), "profiles"),
            ("incus", json!({"client_key": 7}), "client_key"),
            ("sandbox", json!({"url": "https://host"}), "url"),
            ("digital_ocean", json!({"endpoint": 7}), "endpoint"),
            ("incsu", json!({}), "incsu"),
        ] {
            let refused = region(cloud, keys(&given)).expect_err("refused");
            assert!(refused.message.contains(named), "{}", refused.message);
        }
    }

    #[test]
    fn the_keys_of_a_region_are_told_apart_from_its_credentials() {
        let given = json!({
            "url": "https://host:8443", "pool": "fast", "vm": true, "profiles": ["default"],
            "client_key": "secret",
        });
        let (options, credentials) = region("incus", keys(&given)).expect("valid");
        let names: Vec<_> = options.keys().collect();
        assert_eq!(names, ["url", "pool", "vm", "profiles"]);
        assert!(credentials.get("client_key").is_some());
    }

    #[test]
    fn a_cloud_has_a_name_of_its_own_in_the_order_of_the_list() {
        let names: Vec<_> = CLOUDS.iter().map(|kind| kind.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn a_private_key_is_a_secret_and_an_address_is_none() {
        let fields = kind("incus").expect("there").fields;
        let secret = fields.iter().filter(|field| !field.plain);
        let secret: Vec<_> = secret.map(|field| field.name).collect();
        assert_eq!(secret, ["client_key"]);
    }
}
